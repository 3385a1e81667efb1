// Drives mink debug --dap with the client that Visual Studio Code's debug adapters are tested
// with: node dap_client.js PORT /path/to/job.sql; TestDebugForeignClient runs it.
const { DebugClient } = require('@vscode/debugadapter-testsupport');
const assert = require('assert');
const [port, script] = [parseInt(process.argv[2]), process.argv[3]];
process.on('unhandledRejection', e => { console.error('FAILED', e); process.exit(1); });
(async () => {
  let dc = new DebugClient('node', '', 'mink');
  dc.defaultTimeout = 20000;
  await dc.start(port);
  await dc.hitBreakpoint({ program: script, stopOnEntry: false }, { path: script, line: 6 });
  await dc.stop();

  dc = new DebugClient('node', '', 'mink');
  dc.defaultTimeout = 20000;
  const said = [];
  dc.on('output', e => said.push(e.body.output));
  await dc.start(port);
  const caps = await dc.initializeRequest();
  assert(caps.body.supportsStepBack && caps.body.supportsConditionalBreakpoints);
  const ready = dc.waitForEvent('initialized');
  const entry = dc.waitForEvent('stopped');
  const launched = dc.launchRequest({ program: script, stopOnEntry: true });
  await ready;
  const set = await dc.setBreakpointsRequest({ source: { path: script }, breakpoints: [{ line: 6, condition: "sku = 'B-02'" }], lines: [6] });
  assert.deepStrictEqual(set.body.breakpoints.map(b => [b.verified, b.line]), [[true, 6]]);
  await dc.setExceptionBreakpointsRequest({ filters: ['late'] });
  await dc.configurationDoneRequest();
  await launched;
  assert.strictEqual((await entry).body.reason, 'entry');
  const thread = (await dc.threadsRequest()).body.threads[0].id;
  const go = async (what) => {
    const stop = dc.waitForEvent('stopped');
    await dc[what + 'Request']({ threadId: thread });
    const e = await stop;
    const frames = (await dc.stackTraceRequest({ threadId: thread, startFrame: 0, levels: 20 })).body.stackFrames;
    console.log(what, e.body.reason, frames[0].name, frames[0].line);
    return frames;
  };
  let frames = await go('continue');
  assert.deepStrictEqual(frames.map(f => f.name), ['Calc[2]', 'TableSourceScan[1] orders']);
  assert.strictEqual(frames[0].source.path, script);
  const vars = {};
  for (const s of (await dc.scopesRequest({ frameId: frames[0].id })).body.scopes)
    for (const v of (await dc.variablesRequest({ variablesReference: s.variablesReference })).body.variables) vars[s.name + '.' + v.name] = v.value;
  assert.strictEqual(vars['Row.id'], '2');
  assert.strictEqual(vars['Row.amt'], '8.00');
  const sum = await dc.evaluateRequest({ expression: 'amt * 2', frameId: frames[0].id, context: 'watch' });
  assert.strictEqual(sum.body.result, '16.00');
  await go('next');
  await go('stepIn');
  await go('stepOut');
  await go('stepBack');
  frames = await go('reverseContinue');
  const why = await dc.evaluateRequest({ expression: "why-not revenue WHERE sku = 'C-09'", context: 'repl', frameId: frames[0].id });
  assert(why.body.result.startsWith('filtered at Calc[2]'), why.body.result);
  await dc.setBreakpointsRequest({ source: { path: script }, breakpoints: [], lines: [] });
  frames = await go('continue');
  assert.strictEqual(frames[0].name, 'WindowAggregate[4]');
  await dc.stop();

  dc = new DebugClient('node', '', 'mink');
  dc.on('output', e => said.push(e.body.output));
  await dc.start(port);
  await dc.initializeRequest();
  await dc.launchRequest({ program: script.replace('job.sql', 'broken.sql') });
  assert(said.some(t => t.includes('no such file')), said.join());
  await dc.stop();
  console.log('done');
  process.exit(0);
})();

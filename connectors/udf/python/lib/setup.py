# What a worker is set up with: where modules are, what is unpacked, what must be
# installed, and the zone of local times.
import datetime
import os
import re
import shutil
import sys
import tempfile

_folders = []
_unpacked = {}


def prepare(req):
    """Puts folders, files and archives of a request in their place, once."""
    for p in req.get("archives") or ():
        unpack(p)
    for p in reversed(req["path"]):
        if p in sys.path:
            continue
        if not os.path.exists(p):
            raise LookupError("'python.files' names %s, which is not there" % p)
        sys.path.insert(0, p)
    if req.get("requirements"):
        required(req["requirements"])


def unpack(archive):
    """Unpacks FILE#FOLDER in the folder that functions run in."""
    if archive in _unpacked:
        return
    path, _, name = archive.partition("#")
    if not os.path.exists(path):
        raise LookupError("'python.archives' names %s, which is not there" % path)
    if not _folders:
        _folders.append(tempfile.mkdtemp(prefix="mink-python-"))
        os.chdir(_folders[0])
    target = os.path.join(_folders[0], name or os.path.basename(path))
    if not os.path.abspath(target).startswith(_folders[0] + os.sep):
        raise LookupError("'python.archives' unpacks into a folder below that of the worker, not into %s" % name)
    zipped = not re.search(r"\.(tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$", path)
    shutil.unpack_archive(path, target, "zip" if zipped else None)
    _unpacked[archive] = target


def clean():
    for f in _folders:
        os.chdir(os.sep)
        shutil.rmtree(f, ignore_errors=True)


def required(listed):
    """Sees that what a requirements.txt lists is installed: nothing is installed here."""
    from importlib import metadata
    try:
        from pip._vendor.packaging.requirements import Requirement
    except ImportError:
        Requirement = None
    path = listed.partition("#")[0]
    with open(path) as f:
        for line in f:
            line = re.split(r"(?:^|\s)#", line)[0].strip()
            if not line or line.startswith("-"):
                continue
            r = Requirement(line) if Requirement else None
            if r is not None and r.marker is not None and not r.marker.evaluate():
                continue
            name = r.name if r else re.match(r"[A-Za-z0-9._-]+", line).group()
            try:
                has = metadata.version(name)
            except metadata.PackageNotFoundError:
                has = None
            if has is None or r is not None and not r.specifier.contains(has, prereleases=True):
                raise LookupError(
                    "'python.requirements' asks for %s, and this Python has %s: mink installs nothing; make an environment with "
                    "'python3 -m venv env' and 'env/bin/pip install -r %s', and SET 'python.executable' = 'env/bin/python'"
                    % (line, "%s %s" % (name, has) if has else "none", path))


def zone_of(name):
    if name in ("", "UTC"):
        return datetime.timezone.utc
    import zoneinfo
    return zoneinfo.ZoneInfo(name)

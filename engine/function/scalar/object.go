package scalar

import "github.com/minkstream/mink/engine/function"

var objectOf = function.Func{
	Name: "OBJECT_OF", Category: function.Collection, Form: function.FormObjectOf,
	Summary:    "An object of a class with fields by name; class and names are constants.",
	Signatures: []string{"OBJECT_OF('class' [, 'field', value, ...])"},
	Examples:   []function.Example{{SQL: "OBJECT_OF('com.example.User', 'name', 'Bob', 'age', 42)", Want: "(name=Bob, age=42)"}},
}

var objectUpdate = function.Func{
	Name: "OBJECT_UPDATE", Category: function.Collection, Form: function.FormObjectUpdate,
	Summary:    "The object with new values of some fields.",
	Signatures: []string{"OBJECT_UPDATE(object, 'field', value [, 'field', value, ...])"},
	Examples:   []function.Example{{SQL: "OBJECT_UPDATE(OBJECT_OF('com.example.User', 'name', 'Bob', 'age', 42), 'age', 43)", Want: "(name=Bob, age=43)"}},
}

//! Small files and what is said of them: what an update of the parser may not change unseen.

use super::read;
use crate::version::PythonVersion;

/// Reads a text for Python 3.`minor`; what is wrong is `line:column message`, line by line.
fn check(minor: u8, text: &str, expected: &[&str]) {
    let read = read(text.as_bytes(), PythonVersion { major: 3, minor });
    let found: Vec<String> = read
        .problems
        .iter()
        .map(|problem| {
            format!("{}:{} {}", problem.place.line, problem.place.column, problem.message)
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn the_parsers_first_error_is_told() {
    check(
        12,
        "def f(:\n    pass\n",
        &["1:7 expected a parameter or the end of the parameter list"],
    );
    check(12, "class A\n    pass\nx = (\n", &["1:8 expected `:`, found newline"]);
    check(12, "x = 1\n  y = 2\n", &["2:1 unexpected indentation"]);
    check(
        12,
        "print 'a'\n",
        &["1:7 simple statements must be separated by newlines or semicolons"],
    );
}

#[test]
fn newer_syntax_is_refused_by_older_pythons_alone() {
    let new = "match x:\n    case 1: pass\n";
    check(
        9,
        new,
        &["1:1 cannot use `match` statement on Python 3.9 (syntax was added in Python 3.10)"],
    );
    check(10, new, &[]);
    check(
        11,
        "type X = int\n",
        &["1:1 cannot use `type` alias statement on Python 3.11 (syntax was added in Python 3.12)"],
    );
    check(
        10,
        "try: pass\nexcept* E: pass\n",
        &["2:7 cannot use `except*` on Python 3.10 (syntax was added in Python 3.11)"],
    );
    check(
        8,
        "with (open(a) as b, open(c) as d): pass\n",
        &[
            "1:6 cannot use parentheses within a `with` statement on Python 3.8 (syntax was added in Python 3.9)",
        ],
    );
    check(
        11,
        "f'{x['a']}'\n",
        &[
            "1:6 cannot reuse outer quote character in f-strings on Python 3.11 (syntax was added in Python 3.12)",
        ],
    );
}

#[test]
fn await_needs_an_async_function_around_it() {
    let outside = "`await` outside of an asynchronous function";
    check(12, "def f():\n    await g()\n", &[&format!("2:5 {outside}")]);
    check(
        12,
        "async def f():\n    def g():\n        await h()\n    return [await x for x in y]\n",
        &[&format!("3:9 {outside}")],
    );
    check(12, "async def f():\n    lambda: await h()\n", &[&format!("2:13 {outside}")]);
    check(
        12,
        "def f():\n    async with g(): pass\n",
        &["2:5 `async with` outside of an asynchronous function"],
    );
    check(12, "def f():\n    return (x async for x in y)\n", &[]);
    check(
        10,
        "async def f():\n    return [[x async for x in y] for z in w]\n",
        &[
            "2:16 cannot use an asynchronous comprehension inside of a synchronous comprehension on Python 3.10 (syntax was added in 3.11)",
        ],
    );
}

#[test]
fn the_first_iterable_of_a_comprehension_belongs_around_it() {
    check(12, "def f():\n    return [x for x in [(yield 1)]]\n", &[]);
    check(
        12,
        "def f():\n    return [(yield x) for x in y]\n",
        &["2:14 `yield` statement outside of a function"],
    );
    check(12, "async def f():\n    return [x for x in await y]\n", &[]);
}

#[test]
fn decorators_and_defaults_belong_around_the_function() {
    check(12, "def f():\n    async def g(x=(yield 1)): pass\n", &[]);
    check(
        12,
        "async def f(x=await g()): pass\n",
        &[
            "1:15 `await` statement outside of a function",
            "1:15 `await` outside of an asynchronous function",
        ],
    );
}

#[test]
fn declarations_come_before_what_they_are_about() {
    check(
        12,
        "def f():\n    x = 1\n    global x\n",
        &["2:5 name `x` is used prior to global declaration"],
    );
    check(12, "def f():\n    nonlocal x\n", &["2:14 no binding for nonlocal `x` found"]);
    check(12, "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n", &[]);
    check(12, "class A:\n    def f(self):\n        nonlocal __class__\n", &[]);
    check(
        12,
        "def f():\n    global x\n    x: int = 1\n",
        &["3:5 annotated name `x` can't be global"],
    );
    check(
        12,
        "import a\nfrom __future__ import annotations\n",
        &["2:1 __future__ imports must be at the top of the file"],
    );
}

#[test]
fn statements_stand_where_they_may() {
    check(12, "return 1\n", &["1:1 `return` statement outside of a function"]);
    check(12, "for x in y:\n    pass\nelse:\n    break\n", &["4:5 `break` outside loop"]);
    check(12, "for x in y:\n    def f():\n        continue\n", &["3:9 `continue` outside loop"]);
    check(
        12,
        "def f():\n    from a import *\n",
        &["2:5 `from a import *` only allowed at module level"],
    );
    check(
        12,
        "async def f():\n    yield 1\n    return 2\n",
        &["3:5 `return` with value in async generator"],
    );
    check(12, "def f(a, a): pass\n", &["1:10 duplicate parameter \"a\""]);
}

#[test]
fn columns_are_characters() {
    check(12, "x = 'äöü€'; return\n", &["1:13 `return` statement outside of a function"]);
    check(12, "\u{feff}return\r\n", &["1:1 `return` statement outside of a function"]);
}

#[test]
fn form_feeds_and_every_end_of_line_are_python() {
    check(12, "\x0cx = 1\ry = 2\r\n\x0cdef f():\r    pass\r", &[]);
}

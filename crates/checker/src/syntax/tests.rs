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
}

#[test]
fn an_error_is_told_where_it_comes_from() {
    check(12, "if 1:\n    print 'a'\n", &["2:5 missing parentheses in a call of `print`"]);
    check(12, "print('a' 1\n", &["1:11 expected `,`, found int"]);
    check(12, "f(1, [2,\nx = 1\ny = 2\n", &["1:6 `[` is never closed"]);
    check(
        12,
        "x = 1\n<<<<<<< HEAD\ny = 2\n=======\ny = 3\n>>>>>>> other\n",
        &["2:1 the file has the marks of a merge conflict"],
    );
}

#[test]
fn layout_is_refused_as_the_tokenizer_does() {
    let mixed = "inconsistent use of tabs and spaces in indentation";
    check(12, "def f():\n\tif 1:\n        return 1\n", &[&format!("3:9 {mixed}")]);
    check(12, "if 1:\n\tx = (1,\n        2)\n\ty = 1\n", &[]);
    let nested = |open: &str, close: &str, depth: usize| {
        format!("x = {}1{}\n", open.repeat(depth), close.repeat(depth))
    };
    check(12, &nested("(", ")", 200), &[]);
    check(12, &nested("(", ")", 201), &["1:205 too many nested parentheses"]);
    let blocks = |depth: usize| -> String {
        let lines = (0..depth).map(|level| format!("{}if 1:\n", " ".repeat(level)));
        lines.chain([format!("{}pass\n", " ".repeat(depth))]).collect()
    };
    check(12, &blocks(99), &[]);
    check(12, &blocks(100), &["101:101 too many levels of indentation"]);
}

#[test]
fn a_handler_for_everything_is_the_last() {
    let text = "try: pass\nexcept: pass\nexcept ValueError: pass\n";
    check(12, text, &["2:1 `except:` without a class must be the last"]);
    check(12, "try: pass\nexcept ValueError: pass\nexcept: pass\n", &[]);
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

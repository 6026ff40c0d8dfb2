//! What conditions come to that hang on names which the program sets itself: flags of what is there. Must not know what hangs
//! on them.

use std::collections::BTreeSet;

use super::table::{Flag, Module, Value};
use super::{Frame, Simulation};
use crate::outline::{Bind, Name, Named, Step, Test};

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Known(bool),
    Unknown,
    /// Something is asked for first, so that what follows is nobody's fault.
    Asks,
}

impl Simulation<'_> {
    pub(super) fn weigh(&mut self, test: &Test, frame: &Frame) -> Verdict {
        match test {
            Test::Known(value) => Verdict::Known(*value),
            Test::IsMain(false) if self.may_run.contains(&frame.module) => Verdict::Unknown,
            Test::IsMain(is_main) => Verdict::Known(*is_main == frame.is_main),
            Test::Unknown => Verdict::Unknown,
            Test::Asks => Verdict::Asks,
            Test::Name(named) => match self.named(named, frame) {
                Value::Flag(Flag::True)
                | Value::Module(_)
                | Value::Function { .. }
                | Value::Class { .. } => Verdict::Known(true),
                Value::Flag(Flag::False | Flag::Nothing) => Verdict::Known(false),
                Value::Flag(Flag::Asked) => Verdict::Asks,
                Value::Anything | Value::Foreign(_) => Verdict::Unknown,
            },
            Test::IsNone(named) => match self.named(named, frame) {
                Value::Flag(Flag::Nothing) => Verdict::Known(true),
                Value::Flag(Flag::Asked) => Verdict::Asks,
                Value::Anything | Value::Foreign(_) => Verdict::Unknown,
                _ => Verdict::Known(false),
            },
            Test::Of(names) => {
                let asks = names.iter().any(|named| self.asks(named, frame));
                if asks { Verdict::Asks } else { Verdict::Unknown }
            }
            Test::Not(test) => match self.weigh(test, frame) {
                Verdict::Known(value) => Verdict::Known(!value),
                verdict => verdict,
            },
            Test::All(tests) => self.weigh_many(tests, false, frame),
            Test::Any(tests) => self.weigh_many(tests, true, frame),
        }
    }

    /// Several conditions, of which one that comes to `decides` is enough.
    fn weigh_many(&mut self, tests: &[Test], decides: bool, frame: &Frame) -> Verdict {
        let verdicts: Vec<Verdict> = tests.iter().map(|test| self.weigh(test, frame)).collect();
        if verdicts.contains(&Verdict::Known(decides)) {
            Verdict::Known(decides)
        } else if verdicts.contains(&Verdict::Asks) {
            Verdict::Asks
        } else if verdicts.contains(&Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Known(!decides)
        }
    }

    fn named(&mut self, named: &Named, frame: &Frame) -> Value {
        if named.is_local && !frame.locals.contains_key(named.path.first()) {
            return Value::Anything;
        }
        self.quietly(&named.path, frame)
    }

    /// Whether a name is what somebody found by looking, or a function that looks.
    fn asks(&mut self, named: &Named, frame: &Frame) -> bool {
        match self.named(named, frame) {
            Value::Flag(Flag::Asked) => true,
            Value::Function { module, index } => {
                let read = self.modules.get(&module).and_then(|module| module.read.as_ref());
                let outline = read.and_then(|read| read.outline.as_ref());
                outline
                    .and_then(|outline| outline.functions.get(index))
                    .is_some_and(|function| function.asks)
            }
            _ => false,
        }
    }

    /// The value of a condition.
    pub(super) fn tested(&mut self, test: &Test, bind: &Bind, frame: &Frame) -> Value {
        let flag = match self.weigh(test, frame) {
            Verdict::Known(true) => Flag::True,
            Verdict::Known(false) => Flag::False,
            Verdict::Asks => Flag::Asked,
            Verdict::Unknown => return Value::Anything,
        };
        self.flag(flag, bind, frame)
    }

    /// A flag, if it stays what it is: nothing but the module's own steps sets it.
    pub(super) fn flag(&self, flag: Flag, bind: &Bind, frame: &Frame) -> Value {
        let stays = self.unsure == 0
            && !bind.is_local
            && !self.is_perhaps_bound(&frame.module, &bind.name)
            && self.modules.get(&frame.module).is_some_and(|module| !module.is_open);
        if flag == Flag::Asked || stays { Value::Flag(flag) } else { Value::Anything }
    }
}

impl Module {
    /// These may get other values in ways that are not followed.
    pub(super) fn forget_flags(&mut self, names: &BTreeSet<Name>) {
        for name in names {
            if let Some(value @ Value::Flag(Flag::True | Flag::False | Flag::Nothing)) =
                self.names.get_mut(name)
            {
                *value = Value::Anything;
            }
        }
    }
}

/// What a name is that has one of two values; `asked` where a look at what is there decides it.
pub(super) fn either(one: &Value, other: &Value, asked: bool) -> Value {
    let found = Value::Flag(Flag::Asked);
    if asked || *one == found || *other == found { found } else { Value::Anything }
}

/// Whether a step can fail as an import only.
pub(super) fn only_imports(step: &Step) -> bool {
    matches!(step, Step::Import(_) | Step::From(_) | Step::Bind(_) | Step::Use(_))
}

//! Steps in their order: which branches are taken, who catches, when a block ends. Must not know how modules are found.

use super::failing::{Caught, Draft, Guard, Kind, Raised, catches};
use super::table::{All, Flag, Loss, Lost, Value};
use super::weighing::{Verdict, either, only_imports};
use super::{Frame, Simulation, Unseen};
use crate::outline::{Bind, Bound, Class, Step, Stop, Test, Try, Unbind};
use crate::steps;

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// The rest of the block may not be reached.
    Perhaps,
    Leaves,
    /// Nothing behind it in the module is reached.
    Ends,
}

impl Simulation<'_> {
    pub(super) fn steps(&mut self, steps: &[Step], frame: &mut Frame) -> Result<Flow, Raised> {
        let mut flow = Flow::Next;
        for step in steps {
            let unsure = usize::from(flow == Flow::Perhaps && frame.is_function);
            self.unsure += unsure;
            let done = self.step(step, frame);
            self.unsure -= unsure;
            match done {
                Ok(Flow::Next) => {}
                Ok(Flow::Perhaps) => flow = Flow::Perhaps,
                Ok(ended) => return Ok(if unsure == 0 { ended } else { Flow::Perhaps }),
                // What fails in a part that may not be reached does not fail for certain.
                Err(_) if unsure > 0 => return Ok(Flow::Perhaps),
                Err(raised) => return Err(raised),
            }
        }
        Ok(flow)
    }

    fn step(&mut self, step: &Step, frame: &mut Frame) -> Result<Flow, Raised> {
        match step {
            Step::Import(import) => self.import(import, frame)?,
            Step::From(from) => self.from(from, frame)?,
            Step::Bind(bind) => self.bind(bind, frame),
            Step::Unbind(unbind) => self.unbind(unbind, frame),
            Step::Use(used) => drop(self.used(used, frame)?),
            Step::SetAttribute(used) => self.set_attribute(used, frame)?,
            // Whoever reads them later has the text.
            Step::SetTexts(_) => {}
            Step::TakesForm(used) => self.takes_form(used, frame)?,
            Step::Call(call) => return self.call(call, frame),
            Step::Item(item) => self.item(item, frame)?,
            Step::Number(item) => self.number(item, frame)?,
            Step::SetItem(item) => self.set_item(item, frame)?,
            Step::Branch { test, then, otherwise } => {
                return self.branch(test, then, otherwise, frame);
            }
            Step::Loop { body, orelse, is_endless } => {
                return self.looped(body, orelse, *is_endless, frame);
            }
            Step::Try(attempt) => return self.attempt(attempt, frame),
            Step::Class(class) => return self.class(class, frame),
            Step::Perhaps(steps) => drop(self.perhaps(steps, frame)),
            Step::Stop(stop) => return self.stop(stop, frame),
            Step::OpensModules => self.unseen = Unseen::Anything,
        }
        Ok(Flow::Next)
    }

    pub(super) fn set(&mut self, name: &str, value: Value, is_local: bool, frame: &mut Frame) {
        let (sure, asked) = (self.unsure == 0, self.silent > 0);
        let names = if is_local {
            &mut frame.locals
        } else if let Some(module) = self.modules.get_mut(&frame.module) {
            &mut module.names
        } else {
            return;
        };
        match names.get_mut(name) {
            // Which of the two it is nobody knows.
            Some(before) if !sure && *before != value => *before = either(before, &value, asked),
            Some(before) => *before = value,
            None => drop(names.insert(name.into(), value)),
        }
    }

    fn bind(&mut self, bind: &Bind, frame: &mut Frame) {
        let value = match &bind.value {
            Bound::Function(index) => {
                Value::Function { module: frame.module.clone(), index: *index }
            }
            Bound::Alias(path) => self.quietly(path, frame),
            Bound::Nothing => self.flag(Flag::Nothing, bind, frame),
            Bound::Tested(test) => self.tested(test, bind, frame),
            Bound::Anything | Bound::Strings { .. } | Bound::Text(_) | Bound::Logging(_) => {
                Value::Anything
            }
        };
        if bind.name == "__all__" && !bind.is_local {
            self.all(&bind.value, frame);
        }
        self.set(&bind.name, value, bind.is_local, frame);
    }

    fn all(&mut self, value: &Bound, frame: &Frame) {
        let is_sure = self.unsure == 0;
        let Some(module) = self.modules.get_mut(&frame.module) else { return };
        module.all = match (value, &mut module.all) {
            (Bound::Strings { items, adds: false }, All::None) if is_sure => {
                All::Names(items.clone())
            }
            (Bound::Strings { items, adds: true }, All::Names(names)) if is_sure => {
                names.extend(items.iter().cloned());
                return;
            }
            _ => All::Unknown,
        };
    }

    fn unbind(&mut self, unbind: &Unbind, frame: &Frame) {
        let name = &unbind.name;
        let is_sure = self.unsure == 0;
        let why = if unbind.is_handled { Loss::Handled } else { Loss::Deleted };
        let line = if is_sure { self.place(frame, unbind.at).line } else { 0 };
        let Some(module) = self.modules.get_mut(&frame.module) else { return };
        // What uses it in functions is gone as well, or not called any more.
        module.doubtful.insert(name.clone());
        if is_sure {
            module.names.remove(name);
            module.lost.insert(name.clone(), Lost { why, line });
        }
    }

    fn branch(
        &mut self,
        test: &Test,
        then: &[Step],
        otherwise: &[Step],
        frame: &mut Frame,
    ) -> Result<Flow, Raised> {
        let verdict = self.weigh(test, frame);
        if let Verdict::Known(taken) = verdict {
            let (run, left) = if taken { (then, otherwise) } else { (otherwise, then) };
            self.doubt(left, frame);
            return self.steps(run, frame);
        }
        let silent = usize::from(verdict == Verdict::Asks);
        self.silent += silent;
        let first = self.perhaps(then, frame);
        let second = self.perhaps(otherwise, frame);
        self.silent -= silent;
        Ok(match (first, second) {
            (Flow::Leaves, Flow::Leaves) => Flow::Leaves,
            (Flow::Leaves | Flow::Perhaps, _) | (_, Flow::Leaves | Flow::Perhaps) => Flow::Perhaps,
            // A process that may have ended here has not, or nothing else matters.
            _ => Flow::Next,
        })
    }

    /// Steps of which nobody knows whether they happen.
    fn perhaps(&mut self, steps: &[Step], frame: &mut Frame) -> Flow {
        self.unsure += 1;
        let flow = self.steps(steps, frame);
        self.unsure -= 1;
        flow.unwrap_or(Flow::Ends)
    }

    /// Names that would have been bound elsewhere.
    fn doubt(&mut self, steps: &[Step], frame: &Frame) {
        let names = steps::bound(steps);
        if let Some(module) = self.modules.get_mut(&frame.module) {
            module.doubtful.extend(names);
        }
    }

    /// Names of exceptions, which no line behind their handlers has.
    fn lose_handled(&mut self, handler: &[Step], frame: &Frame) {
        for step in handler {
            let Step::Unbind(unbind) = step else { continue };
            let line = self.place(frame, unbind.at).line;
            let Some(module) = self.modules.get_mut(&frame.module) else { return };
            if !module.names.contains_key(&unbind.name) {
                module.lost.insert(unbind.name.clone(), Lost { why: Loss::Handled, line });
            }
        }
    }

    /// Names that a block does not bind because something in it fails.
    fn lose(&mut self, steps: &[Step], cause: Option<&Draft>, frame: &Frame) {
        let place = cause.and_then(|cause| cause.place.as_ref());
        let Some(line) = place.filter(|place| place.file == frame.path).map(|place| place.line)
        else {
            return;
        };
        let Some(module) = self.modules.get_mut(&frame.module) else { return };
        for name in steps::bound(steps) {
            if !module.names.contains_key(&name) {
                module.lost.insert(name, Lost { why: Loss::Failed, line });
            }
        }
    }

    fn looped(
        &mut self,
        body: &[Step],
        orelse: &[Step],
        is_endless: bool,
        frame: &mut Frame,
    ) -> Result<Flow, Raised> {
        // A later round sees what an earlier one has bound.
        let mut names = steps::bound(body);
        if let Some(module) = self.modules.get_mut(&frame.module) {
            module.forget_flags(&names);
            names.retain(|name| !module.names.contains_key(name));
            module.doubtful.extend(names);
        }
        let flow = if is_endless {
            let flow = self.steps(body, frame)?;
            if flow == Flow::Leaves { Flow::Next } else { flow }
        } else {
            self.perhaps(body, frame)
        };
        self.perhaps(orelse, frame);
        // `break` and `return` look alike here.
        Ok(if matches!(flow, Flow::Leaves | Flow::Perhaps) { Flow::Perhaps } else { Flow::Next })
    }

    fn attempt(&mut self, attempt: &Try, frame: &mut Frame) -> Result<Flow, Raised> {
        let Try { body, handlers, orelse, finally } = attempt;
        let depth = self.guards.len();
        if !handlers.is_empty() {
            self.guards.push(Guard::new(handlers, self.unsure));
        }
        let unknown = self.unknown_imports;
        let tried = self.steps(body, frame);
        self.guards.truncate(depth);
        let is_known = unknown == self.unknown_imports && body.iter().all(only_imports);
        let flow = match tried {
            Ok(flow) => {
                for handler in handlers {
                    self.doubt(&handler.body, frame);
                    self.lose_handled(&handler.body, frame);
                    if !is_known && let Some(module) = self.modules.get_mut(&frame.module) {
                        module.forget_flags(&steps::bound(&handler.body));
                    }
                }
                match flow {
                    Flow::Next => self.steps(orelse, frame),
                    flow => Ok(flow),
                }
            }
            Err(raised) => {
                self.lose(body, raised.cause.as_deref(), frame);
                self.doubt(body, frame);
                self.doubt(orelse, frame);
                let handler = handlers.iter().find(|handler| {
                    catches(handler.catches.as_deref(), &raised.kind) != Caught::No
                });
                match handler {
                    None => Err(raised),
                    Some(handler) => {
                        self.handled.push(raised.cause);
                        let flow = self.steps(&handler.body, frame);
                        self.handled.pop();
                        flow
                    }
                }
            }
        };
        let last = self.steps(finally, frame)?;
        if last == Flow::Next { flow } else { Ok(last) }
    }

    fn stop(&mut self, stop: &Stop, frame: &Frame) -> Result<Flow, Raised> {
        match stop {
            Stop::Leaves => return Ok(Flow::Leaves),
            Stop::Exits => self.endings += usize::from(!self.is_afterwards),
            Stop::Refuses => {}
            Stop::Raises(name) => {
                let cause = self.handled.last().cloned().flatten();
                // A name that begins small is a variable.
                let name = name.clone().filter(|name| name.starts_with(char::is_uppercase));
                let kind = match name.as_deref() {
                    Some("ImportError") => Kind::Import,
                    Some("ModuleNotFoundError") => Kind::ModuleNotFound,
                    Some("AttributeError") => Kind::Attribute,
                    Some("KeyError") => Kind::Key,
                    Some(name) => Kind::Other(name.to_owned()),
                    None => Kind::Other("?".to_owned()),
                };
                let caught = self.caught(&kind);
                if caught == Some(Caught::Yes) {
                    return Err(Raised { kind, cause });
                }
                if let Some(cause) = cause.filter(|_| caught.is_none() && self.silent == 0) {
                    self.report(*cause);
                }
            }
        }
        if let Some(module) = self.modules.get_mut(&frame.module) {
            module.is_open = true;
        }
        Ok(Flow::Ends)
    }

    fn class(&mut self, class: &Class, frame: &mut Frame) -> Result<Flow, Raised> {
        let around = frame.locals.clone();
        let flow = self.steps(&class.body, frame);
        frame.locals = around;
        flow?;
        self.addresses(class, frame)?;
        let value = Value::Class { module: frame.module.clone(), at: class.at };
        let value = if class.is_plain { value } else { Value::Anything };
        self.set(&class.name, value, class.is_local, frame);
        Ok(Flow::Next)
    }
}

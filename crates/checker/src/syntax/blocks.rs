//! Statements that have blocks, or end one: which steps may be left out, who catches. Must not know simple statements.

use ruff_python_ast::visitor::{Visitor as _, walk_stmt};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::Ranged;

use super::bound;
use super::decide::{decide, last_name};
use super::flow::{Builder, exit};
use crate::outline::{Bound, Handler, Name, Step, Stop, Test, Try, Unbind};

impl Builder<'_> {
    pub(super) fn branching(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(ast::StmtIf { test, body, elif_else_clauses, .. }) => {
                self.expr(test);
                let test = self.test(test);
                let then = self.body(body);
                let otherwise = self.block(|builder| builder.clauses(elif_else_clauses));
                self.emit(Step::Branch { test: Box::new(test), then, otherwise });
            }
            Stmt::Match(ast::StmtMatch { subject, cases, .. }) => {
                self.expr(subject);
                for case in cases {
                    let then = self.block(|builder| builder.case(case));
                    let test = self.matched(subject);
                    self.emit(Step::Branch { test: Box::new(test), then, otherwise: Vec::new() });
                }
            }
            _ => {}
        }
    }

    fn case(&mut self, case: &ast::MatchCase) {
        for name in bound::captured(&case.pattern) {
            self.bind(name.into(), Bound::Anything);
        }
        self.visit_match_case(case);
    }

    fn clauses(&mut self, clauses: &[ast::ElifElseClause]) {
        let Some((first, others)) = clauses.split_first() else { return };
        match &first.test {
            None => self.visit_body(&first.body),
            Some(test) => {
                self.expr(test);
                let test = self.test(test);
                let then = self.body(&first.body);
                let otherwise = self.block(|builder| builder.clauses(others));
                self.emit(Step::Branch { test: Box::new(test), then, otherwise });
            }
        }
    }

    pub(super) fn looping(&mut self, statement: &Stmt) {
        let step = match statement {
            Stmt::For(ast::StmtFor { target, iter, body, orelse, .. }) => {
                self.expr(iter);
                let body = self.block(|builder| {
                    builder.bind_target(target, &Bound::Anything);
                    builder.visit_body(body);
                });
                Step::Loop { body, orelse: self.body(orelse), is_endless: false }
            }
            Stmt::While(ast::StmtWhile { test, body, orelse, .. }) => {
                self.expr(test);
                let test = decide(test, self.version);
                let (body, orelse) = (self.body(body), self.body(orelse));
                if test == Test::Known(false) {
                    Step::Branch { test: Box::new(test), then: body, otherwise: orelse }
                } else {
                    Step::Loop { body, orelse, is_endless: test == Test::Known(true) }
                }
            }
            _ => return,
        };
        self.emit(step);
    }

    pub(super) fn attempt(&mut self, attempt: &ast::StmtTry) {
        let body = self.body(&attempt.body);
        let handlers = attempt.handlers.iter().map(|handler| {
            let ExceptHandler::ExceptHandler(handler) = handler;
            let body = self.block(|builder| {
                handler.type_.iter().for_each(|kind| builder.expr(kind));
                if let Some(name) = &handler.name {
                    builder.bind(name.id.clone().into(), Bound::Anything);
                }
                builder.visit_body(&handler.body);
                if let Some(name) = &handler.name
                    && !builder.scoping.binds_local(name)
                {
                    builder.emit(Step::Unbind(Unbind {
                        name: name.id.clone().into(),
                        at: name.start().to_u32(),
                        is_handled: true,
                    }));
                }
            });
            Handler { catches: handler.type_.as_ref().map(|kind| exceptions(kind)), body }
        });
        let handlers = handlers.collect();
        let orelse = self.body(&attempt.orelse);
        let finally = self.body(&attempt.finalbody);
        self.emit(Step::Try(Box::new(Try { body, handlers, orelse, finally })));
    }

    pub(super) fn with(&mut self, with: &ast::StmtWith) {
        let mut suppressed = None;
        for item in &with.items {
            self.expr(&item.context_expr);
            if let Some(target) = &item.optional_vars {
                self.bind_target(target, &Bound::Anything);
            }
            let Expr::Call(call) = &item.context_expr else { continue };
            let last = last_name(&call.func).unwrap_or_default().to_lowercase();
            if ["suppress", "ignore", "raises", "optional"].iter().any(|word| last.contains(word)) {
                let names = call.arguments.args.iter().flat_map(exceptions);
                suppressed = Some(names.collect::<Vec<_>>());
            }
        }
        let body = self.body(&with.body);
        match suppressed {
            None => body.into_iter().for_each(|step| self.emit(step)),
            Some(names) => {
                let catches = (!names.is_empty()).then_some(names);
                let handlers = vec![Handler { catches, body: Vec::new() }];
                let (orelse, finally) = (Vec::new(), Vec::new());
                self.emit(Step::Try(Box::new(Try { body, handlers, orelse, finally })));
            }
        }
    }

    pub(super) fn stopping(&mut self, statement: &Stmt) {
        walk_stmt(self, statement);
        let stop = match statement {
            Stmt::Raise(raise) => {
                let raised = raise.exc.as_deref();
                let is_exit = raised.is_some_and(|raised| {
                    exceptions(raised).iter().any(|name| name == "SystemExit")
                });
                if is_exit {
                    match raised {
                        Some(Expr::Call(call)) => exit(&call.arguments),
                        _ => Stop::Exits,
                    }
                } else {
                    Stop::Raises(raised.and_then(|raised| exceptions(raised).pop()))
                }
            }
            _ => Stop::Leaves,
        };
        self.emit(Step::Stop(stop));
    }
}

/// The last names of the exceptions that an expression means, called or not.
fn exceptions(expression: &Expr) -> Vec<Name> {
    match expression {
        Expr::Tuple(tuple) => tuple.elts.iter().flat_map(exceptions).collect(),
        Expr::Call(call) => exceptions(&call.func),
        _ => vec![last_name(expression).unwrap_or("?").into()],
    }
}

//! What an expression does, in its order: names that it reads, what it calls. Must not know statements.

use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_parameters};
use ruff_python_ast::{self as ast, Expr, ExprContext, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use super::decide::{self, is_dotted, is_path, last_name, path, text};
use super::flow::Builder;
use super::known::is_builtin;
use super::logging::logging;
use super::scoping::Owner;
use crate::outline::{
    Bound, Call, Configures, Function, Import, Item, List, Name, Path, Step, Test, Use,
};

impl Builder<'_> {
    pub(super) fn expr(&mut self, expression: &Expr) {
        match expression {
            Expr::Name(name) => {
                if name.ctx == ExprContext::Load {
                    self.read(expression);
                }
            }
            Expr::Attribute(ast::ExprAttribute { value, ctx, .. }) => match ctx {
                ExprContext::Load if is_dotted(value) => self.read(expression),
                _ => self.expr(value),
            },
            Expr::Call(call) => self.call(call),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Named(named) => {
                self.expr(&named.value);
                self.bind_target(&named.target, &Bound::Anything);
            }
            Expr::BoolOp(ast::ExprBoolOp { values, op, .. }) => {
                let (first, others) = values.split_first().expect("it has two values at least");
                self.expr(first);
                let goes_on = matches!(op, ast::BoolOp::And);
                match self.test(first) {
                    Test::Known(value) if value != goes_on => {}
                    Test::Known(_) | Test::Unknown => {
                        self.perhaps(|builder| builder.exprs(others));
                    }
                    test => self.unseen(test, goes_on, others),
                }
            }
            Expr::If(ast::ExprIf { test, body, orelse, .. }) => {
                self.expr(test);
                match self.test(test) {
                    Test::Known(true) => self.expr(body),
                    Test::Known(false) => self.expr(orelse),
                    test => {
                        let then = self.block(|builder| builder.expr(body));
                        let otherwise = self.block(|builder| builder.expr(orelse));
                        self.emit(Step::Branch { test: Box::new(test), then, otherwise });
                    }
                }
            }
            Expr::Compare(ast::ExprCompare { left, comparators, .. }) => {
                self.expr(left);
                let (first, others) = comparators.split_first().expect("it has one at least");
                self.expr(first);
                self.perhaps(|builder| others.iter().for_each(|other| builder.expr(other)));
            }
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::ListComp(ast::ExprListComp { elt, generators, .. })
            | Expr::SetComp(ast::ExprSetComp { elt, generators, .. })
            | Expr::Generator(ast::ExprGenerator { elt, generators, .. }) => {
                self.comprehension(generators, &[elt]);
            }
            Expr::DictComp(ast::ExprDictComp { key, value, generators, .. }) => {
                let parts: Vec<&Expr> = key.iter().map(|key| &**key).chain([&**value]).collect();
                self.comprehension(generators, &parts);
            }
            _ => walk_expr(self, expression),
        }
    }

    fn exprs(&mut self, expressions: &[Expr]) {
        for expression in expressions {
            self.expr(expression);
        }
    }

    /// What cannot fail is no step: a name that is not the module's, one that every Python has.
    fn read(&mut self, expression: &Expr) {
        let last = match expression {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => "",
        };
        self.looks += usize::from(decide::is_asking(last));
        if let Expr::Name(name) = expression
            && (self.scoping.is_local(&name.id) || is_builtin(&name.id, self.version))
        {
            return;
        }
        if let Some(used) = self.used(expression) {
            self.emit(Step::Use(used));
        }
    }

    /// A path with whose its first name is.
    pub(super) fn used(&self, expression: &Expr) -> Option<Use> {
        let path = path(expression)?;
        let is_local = self.scoping.is_local(path.first());
        let is_hidden = !is_local && self.scoping.is_of_class(path.first());
        // An error in a chain over several lines is shown where the last name stands.
        let at = match expression {
            Expr::Attribute(attribute) => attribute.attr.start(),
            _ => expression.start(),
        };
        Some(Use { path, start: expression.start().to_u32(), at: at.to_u32(), is_local, is_hidden })
    }

    fn call(&mut self, call: &ast::ExprCall) {
        let arguments = &call.arguments;
        self.expr(&call.func);
        for argument in &arguments.args {
            self.expr(argument);
            self.may_change(argument);
        }
        for keyword in &arguments.keywords {
            self.expr(&keyword.value);
        }
        let Some(called) = self.used(&call.func) else { return };
        let first = arguments.args.first().and_then(text).map(Name::from);
        let last = called.path.last();
        match (called.path.as_str(), last) {
            ("globals" | "vars" | "exec" | "locals", _) | (_, "_convert_" | "_convert") => {
                self.is_open = true;
            }
            ("setattr", _) => self.set_attribute(arguments),
            ("int" | "float", _) => self.number(arguments),
            ("__import__", _) | (_, "import_module") => {
                self.import_module(arguments, call.start().to_u32());
            }
            (path, _) if opens_modules(path) => self.emit(Step::OpensModules),
            _ => {}
        }
        // Whoever gets the module's name may make another module of it; loggers and the like do not.
        let takes_name = |argument: &Expr| is_path(argument, &["__name__"]);
        self.is_open |= arguments.args.iter().any(takes_name)
            && last.starts_with(char::is_lowercase)
            && !["log", "get", "trace", "meter"]
                .iter()
                .any(|word| last.to_lowercase().contains(word));
        self.has_unseen_imports |= imports_unseen(&called.path, first.is_some());
        let configures = arguments.args.first().filter(|_| last == "dictConfig");
        let configures = configures.and_then(|given| self.configures(given));
        let keywords = arguments.keywords.iter();
        let keywords = keywords
            .map(|keyword| keyword.arg.as_ref().map_or(Name::new(), |name| name.id.clone().into()));
        let lists = arguments.keywords.iter().filter_map(|keyword| {
            let name = keyword.arg.as_ref()?.id.clone().into();
            Some(List { name, items: strings(&keyword.value)? })
        });
        self.emit(Step::Call(Box::new(Call {
            called,
            text: first,
            arguments: arguments.args.len(),
            keywords: keywords.collect(),
            lists: lists.collect(),
            configures,
        })));
    }

    /// A dictionary that is written out, here or by a name of the module.
    fn configures(&self, given: &Expr) -> Option<Configures> {
        match given {
            Expr::Name(name) => {
                let is_local = self.scoping.is_local(&name.id);
                (!is_local).then(|| Configures::Named(name.id.clone().into()))
            }
            given => logging(given).map(|logging| Configures::Here(Arc::new(logging))),
        }
    }

    /// Whoever is given the variables, or adds to them all at once, may set any.
    pub(super) fn may_change(&mut self, expression: &Expr) {
        if last_name(expression) == Some("environ")
            && let Some(of) = self.used(expression)
        {
            self.emit(Step::SetItem(Item { of, key: None }));
        }
    }

    /// `setattr(x, "name", …)`; without a literal any name can be meant.
    fn set_attribute(&mut self, arguments: &ast::Arguments) {
        let Some(mut used) = arguments.args.first().and_then(|of| self.used(of)) else {
            // It may be any module, this one too.
            self.is_open = true;
            return;
        };
        let name = arguments.args.get(1).and_then(text);
        // One that is no name can be asked for by nothing but `getattr`.
        used.path = used.path.with(name.filter(|name| !name.contains('.')).unwrap_or("*"));
        self.emit(Step::SetAttribute(used));
    }

    /// `int(os.environ["X"])`, `int(os.getenv("X", 3))`.
    fn number(&mut self, arguments: &ast::Arguments) {
        let (of, key) = match &*arguments.args {
            [Expr::Subscript(subscript)] => (&subscript.value, text(&subscript.slice)),
            [Expr::Call(call)] => (&call.func, call.arguments.args.first().and_then(text)),
            _ => return,
        };
        if let (Some(of), Some(key)) = (self.used(of), key) {
            self.emit(Step::Number(Item { of, key: Some(key.into()) }));
        }
    }

    fn import_module(&mut self, arguments: &ast::Arguments, at: u32) {
        let Some(module) = arguments.args.first().and_then(text) else { return };
        let module = Name::from(module);
        if !module.is_empty() && !module.starts_with('.') && arguments.args.len() == 1 {
            self.emit(Step::Import(Import {
                module,
                alias: Some(Name::new()),
                at,
                is_local: true,
            }));
        }
    }

    fn subscript(&mut self, subscript: &ast::ExprSubscript) {
        self.expr(&subscript.value);
        self.expr(&subscript.slice);
        if is_path(&subscript.slice, &["__name__"]) {
            // `sys.modules[__name__]`.
            self.is_open = true;
        }
        // What is asked for without a text of its own is nobody's fault.
        if subscript.ctx == ExprContext::Load
            && let Some(key) = text(&subscript.slice)
            && let Some(of) = self.used(&subscript.value)
        {
            let key = Some(key.into());
            self.emit(Step::Item(Item { of, key }));
        }
    }

    fn lambda(&mut self, lambda: &ast::ExprLambda) {
        let mut names = FxHashSet::default();
        if let Some(parameters) = &lambda.parameters {
            walk_parameters(self, parameters);
            names.extend(parameters.iter().map(|parameter| parameter.name().id.clone().into()));
        }
        self.scoping.enter(Owner::Function, names, FxHashSet::default());
        let body = self.block(|builder| builder.expr(&lambda.body));
        self.scoping.leave();
        let at = lambda.range.start().to_u32();
        self.functions.push(Function { at, body, is_plain: true, asks: false });
    }

    /// The first iterable is read around the comprehension, and for certain.
    fn comprehension(&mut self, generators: &[ast::Comprehension], parts: &[&Expr]) {
        let Some((first, others)) = generators.split_first() else { return };
        self.expr(&first.iter);
        let names = generators.iter().flat_map(|generator| targets(&generator.target)).collect();
        self.scoping.enter(Owner::Comprehension, names, FxHashSet::default());
        self.perhaps(|builder| {
            first.ifs.iter().for_each(|condition| builder.expr(condition));
            for other in others {
                builder.expr(&other.iter);
                other.ifs.iter().for_each(|condition| builder.expr(condition));
            }
            for part in parts {
                builder.expr(part);
            }
        });
        self.scoping.leave();
    }

    pub(super) fn perhaps(&mut self, act: impl FnOnce(&mut Self)) {
        let steps = self.block(act);
        if !steps.is_empty() {
            self.emit(Step::Perhaps(steps));
        }
    }

    /// What is only reached where a condition comes to `value`.
    fn unseen(&mut self, test: Test, value: bool, others: &[Expr]) {
        let steps = self.block(|builder| builder.exprs(others));
        if steps.is_empty() {
            return;
        }
        let (then, otherwise) = if value { (steps, Vec::new()) } else { (Vec::new(), steps) };
        self.emit(Step::Branch { test: Box::new(test), then, otherwise });
    }
}

impl<'v> Visitor<'v> for Builder<'_> {
    fn visit_expr(&mut self, expression: &'v Expr) {
        self.expr(expression);
    }

    fn visit_annotation(&mut self, expression: &'v Expr) {
        self.annotation(expression);
    }

    fn visit_stmt(&mut self, statement: &'v Stmt) {
        self.statement(statement);
    }
}

/// The names that a target binds.
pub(super) fn targets(target: &Expr) -> Vec<Name> {
    match target {
        Expr::Name(name) => vec![name.id.clone().into()],
        Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
            elts.iter().flat_map(targets).collect()
        }
        Expr::Starred(starred) => targets(&starred.value),
        _ => Vec::new(),
    }
}

/// The texts of a list or tuple that has nothing else.
pub(super) fn strings(expression: &Expr) -> Option<Vec<Name>> {
    let elements = match expression {
        Expr::List(list) => &list.elts,
        Expr::Tuple(tuple) => &tuple.elts,
        _ => return None,
    };
    elements.iter().map(|element| decide::text(element).map(Name::from)).collect()
}

/// Calls that import modules of which the text does not tell the names.
fn imports_unseen(path: &Path, has_text: bool) -> bool {
    match (path.as_str(), path.last()) {
        ("__import__", _) | (_, "import_module" | "run_module" | "import_string") => !has_text,
        ("django.setup", _) => true,
        (_, last) => matches!(
            last,
            "exec_module"
                | "load_module"
                | "autodiscover"
                | "walk_packages"
                | "iter_modules"
                | "find_modules"
                | "import_from_string"
                | "import_prefix"
                | "run_path"
                | "scan"
                | "get_wsgi_application"
                | "get_asgi_application"
                | "execute_from_command_line"
                | "autodiscover_tasks"
        ),
    }
}

/// Calls after which modules may be found elsewhere.
fn opens_modules(path: &str) -> bool {
    let of_sys = path.strip_prefix("sys.").and_then(|rest| rest.split('.').next());
    matches!(of_sys, Some("path" | "meta_path")) || path == "site.addsitedir"
}

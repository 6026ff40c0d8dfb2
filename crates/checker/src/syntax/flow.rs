//! What statements do, step by step. Must not know modules, nor what becomes of a step.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor as _, walk_stmt};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use super::bound;
use super::decide::{is_path, last_name, text};
use super::logging::unchanged;
use super::scoping::{Owner, Scoping};
use super::semantic::is_future_annotations;
use super::uses::targets;
use crate::outline::{
    Bind, Bound, From, Function, Import, Imported, Item, Name, Outline, SetTexts, Step, Stop,
    Unbind,
};
use crate::version::PythonVersion;

/// Makes the steps of one module.
pub(super) struct Builder<'a> {
    pub(super) source: &'a str,
    pub(super) version: PythonVersion,
    pub(super) scoping: Scoping,
    pub(super) functions: Vec<Function>,
    pub(super) is_open: bool,
    pub(super) has_unseen_imports: bool,
    /// How often what was read looks whether something is there.
    pub(super) looks: usize,
    has_lazy_annotations: bool,
    globals: Vec<Name>,
    steps: Vec<Step>,
}

/// Decorators that have a framework serve a function.
const SERVING: [&str; 6] = ["post", "put", "patch", "delete", "get", "api_route"];

/// What says that a parameter comes of a form.
const FORMS: [&str; 3] = ["Form", "File", "UploadFile"];

/// What a module does when it is imported.
pub(super) fn outline(body: &[Stmt], source: &str, version: PythonVersion) -> Outline {
    let mut builder = Builder {
        source,
        version,
        scoping: Scoping::default(),
        functions: Vec::new(),
        is_open: false,
        has_unseen_imports: false,
        looks: 0,
        // Annotations are functions of their own since 3.14.
        has_lazy_annotations: version.minor >= 14 || body.iter().any(is_future_annotations),
        globals: Vec::new(),
        steps: Vec::new(),
    };
    builder.visit_body(body);
    let mut outline = Outline {
        body: builder.steps,
        functions: builder.functions,
        is_open: builder.is_open,
        has_unseen_imports: builder.has_unseen_imports,
        globals: builder.globals,
        configurations: BTreeMap::new(),
    };
    outline.configurations = unchanged(&outline);
    outline
}

impl Builder<'_> {
    pub(super) fn emit(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn block(&mut self, act: impl FnOnce(&mut Self)) -> Vec<Step> {
        let around = std::mem::take(&mut self.steps);
        act(self);
        let mut steps = std::mem::replace(&mut self.steps, around);
        // It is kept as long as the file is.
        steps.shrink_to_fit();
        steps
    }

    pub(super) fn body(&mut self, body: &[Stmt]) -> Vec<Step> {
        self.block(|builder| builder.visit_body(body))
    }

    pub(super) fn bind(&mut self, name: Name, value: Bound) {
        let is_local = self.scoping.binds_local(&name);
        self.emit(Step::Bind(Bind { name, value, is_local }));
    }

    pub(super) fn bind_target(&mut self, target: &Expr, value: &Bound) {
        match target {
            Expr::Name(name) => self.bind(name.id.clone().into(), value.clone()),
            Expr::Attribute(attribute) => {
                self.expr(&attribute.value);
                if let Some(used) = self.used(target) {
                    if used.path.as_str() == "sys.path" {
                        self.emit(Step::OpensModules);
                    }
                    if let Bound::Strings { items, adds: false } = value {
                        let (of, items) = (used.clone(), items.clone());
                        self.emit(Step::SetTexts(SetTexts { of, items }));
                    }
                    self.emit(Step::SetAttribute(used));
                }
            }
            Expr::Subscript(subscript) => {
                self.expr(target);
                if let Some(of) = self.used(&subscript.value) {
                    if of.path.as_str() == "sys.path" {
                        self.emit(Step::OpensModules);
                    }
                    let key = text(&subscript.slice).map(Name::from);
                    self.emit(Step::SetItem(Item { of, key }));
                }
            }
            Expr::Starred(starred) => self.bind_target(&starred.value, &Bound::Anything),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for element in elts {
                    self.bind_target(element, &Bound::Anything);
                }
            }
            _ => self.expr(target),
        }
    }

    pub(super) fn annotation(&mut self, annotation: &Expr) {
        if !self.has_lazy_annotations {
            self.expr(annotation);
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(from) => self.from(from),
            Stmt::Assign(ast::StmtAssign { targets, value, .. }) => {
                self.expr(value);
                let value = self.value_of(value, false);
                for target in targets {
                    self.bind_target(target, &value);
                }
            }
            Stmt::AugAssign(assign) => self.augmented(assign),
            Stmt::AnnAssign(assign) => self.annotated(assign),
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::TypeAlias(alias) => {
                for name in targets(&alias.name) {
                    self.bind(name, Bound::Anything);
                }
            }
            Stmt::If(_) | Stmt::Match(_) => self.branching(statement),
            Stmt::For(_) | Stmt::While(_) => self.looping(statement),
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::With(with) => self.with(with),
            Stmt::Raise(_) | Stmt::Return(_) | Stmt::Break(_) | Stmt::Continue(_) => {
                self.stopping(statement);
            }
            Stmt::Expr(expression) => {
                self.expr(&expression.value);
                if let Some(stop) = exits(&expression.value) {
                    self.emit(Step::Stop(stop));
                }
            }
            Stmt::Delete(ast::StmtDelete { targets: deleted, .. }) => {
                for target in deleted {
                    self.delete(target);
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn delete(&mut self, target: &Expr) {
        match target {
            Expr::Attribute(attribute) => self.expr(&attribute.value),
            Expr::Subscript(subscript) => {
                self.expr(target);
                let key = text(&subscript.slice).map(Name::from);
                let of = self.used(&subscript.value);
                self.steps.extend(of.map(|of| Step::SetItem(Item { of, key })));
            }
            _ => {}
        }
        for name in targets(target) {
            if !self.scoping.binds_local(&name) {
                self.emit(Step::Unbind(Unbind {
                    name,
                    at: target.start().to_u32(),
                    is_handled: false,
                }));
            }
        }
    }

    fn import(&mut self, import: &ast::StmtImport) {
        for alias in &import.names {
            let is_local = self.scoping.binds_local(bound::bound_by(alias));
            self.emit(Step::Import(Import {
                module: alias.name.id.clone().into(),
                alias: alias.asname.as_ref().map(|name| name.id.clone().into()),
                at: alias.range.start().to_u32(),
                is_local,
            }));
        }
    }

    fn from(&mut self, from: &ast::StmtImportFrom) {
        let module = from.module.as_ref().map(|name| Name::from(name.id.clone()));
        let module = module.unwrap_or_default();
        if from.level == 0 && module == "__future__" {
            for alias in &from.names {
                let name = alias.asname.as_ref().unwrap_or(&alias.name);
                self.bind(name.id.clone().into(), Bound::Anything);
            }
            return;
        }
        let names = from.names.iter().filter(|alias| &alias.name != "*").map(|alias| Imported {
            name: alias.name.id.clone().into(),
            alias: alias.asname.as_ref().map(|name| name.id.clone().into()),
            at: alias.range.start().to_u32(),
        });
        let names: Vec<Imported> = names.collect();
        let is_local = names.first().is_some_and(|name| self.scoping.binds_local(name.bound()));
        let at = from.range.start().to_u32();
        self.emit(Step::From(From { level: from.level, module, at, names, is_local }));
    }

    fn augmented(&mut self, assign: &ast::StmtAugAssign) {
        self.expr(&assign.value);
        match &*assign.target {
            Expr::Name(name) => {
                let used = self.used(&assign.target);
                self.steps.extend(used.map(Step::Use));
                self.bind(name.id.clone().into(), self.value_of(&assign.value, true));
            }
            target => {
                self.expr(target);
                if is_path(target, &["sys", "path"]) {
                    self.emit(Step::OpensModules);
                }
                self.may_change(target);
            }
        }
    }

    fn annotated(&mut self, assign: &ast::StmtAnnAssign) {
        if let Some(value) = &assign.value {
            self.expr(value);
        }
        // The annotations of a function's own names are never evaluated.
        if !assign.simple || self.scoping.is_module() || self.scoping.is_in_class() {
            self.annotation(&assign.annotation);
        }
        match &assign.value {
            Some(value) => self.bind_target(&assign.target, &self.value_of(value, false)),
            None if !assign.simple => self.expr(&assign.target),
            None => {}
        }
    }

    /// Decorators, defaults and annotations belong around the function.
    fn function(&mut self, function: &ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_decorator(decorator);
        }
        let mut params = FxHashSet::default();
        if let Some(type_params) = &function.type_params {
            params.extend(type_params.iter().map(|param| param.name().id.clone().into()));
        }
        self.scoping.enter(Owner::TypeParams, params, FxHashSet::default());
        self.visit_parameters(&function.parameters);
        self.forms_of(function);
        if let Some(returns) = &function.returns {
            self.annotation(returns);
        }
        let own = bound::names(&function.body);
        let yields = own.yields;
        let (names, globals) = self.names(own, &function.parameters);
        self.scoping.enter(Owner::Function, names, globals);
        let looks = self.looks;
        let body = self.body(&function.body);
        let asks = self.looks > looks;
        self.scoping.leave();
        self.scoping.leave();
        let is_plain = !function.is_async && function.decorator_list.is_empty() && !yields;
        let at = function.name.start().to_u32();
        self.functions.push(Function { at, body, is_plain, asks });
        self.bind(function.name.id.clone().into(), Bound::Function(self.functions.len() - 1));
    }

    /// What a function takes of a form which a framework serves: files, and what is said to come of one.
    fn forms_of(&mut self, function: &ast::StmtFunctionDef) {
        let serves = function.decorator_list.iter().any(|decorator| {
            let Expr::Call(call) = &decorator.expression else { return false };
            matches!(&*call.func, Expr::Attribute(_))
                && last_name(&call.func).is_some_and(|last| SERVING.contains(&last))
        });
        for parameter in function.parameters.iter().filter(|_| serves) {
            let mut said: Vec<&Expr> = parameter.default().into_iter().collect();
            match parameter.annotation() {
                // `Annotated[str, Form()]`
                Some(Expr::Subscript(annotated)) => {
                    if let Expr::Tuple(parts) = &*annotated.slice {
                        said.extend(&parts.elts);
                    }
                }
                Some(annotation) => said.push(annotation),
                None => {}
            }
            let names = said.into_iter().map(|expression| match expression {
                Expr::Call(call) => &*call.func,
                other => other,
            });
            let forms =
                names.filter(|name| last_name(name).is_some_and(|last| FORMS.contains(&last)));
            let forms: Vec<Step> =
                forms.filter_map(|name| self.used(name)).map(Step::TakesForm).collect();
            self.steps.extend(forms);
        }
    }

    fn names(
        &mut self,
        own: bound::Names<'_>,
        parameters: &ast::Parameters,
    ) -> (FxHashSet<Name>, FxHashSet<Name>) {
        let mut names: FxHashSet<Name> =
            parameters.iter().map(|parameter| parameter.name().id.clone().into()).collect();
        names.extend(own.bound.into_iter().map(Name::from));
        let mut globals = FxHashSet::default();
        for (declaration, name) in own.declared {
            names.remove(name.as_str());
            if declaration == bound::Declaration::Global {
                globals.insert(name.id.clone().into());
            }
        }
        // In methods, by whatever refers to it.
        names.insert(Name::from_static_str("__class__"));
        self.globals.extend(globals.iter().cloned());
        (names, globals)
    }
}

/// How a call ends the process, if it does.
fn exits(expression: &Expr) -> Option<Stop> {
    let Expr::Call(call) = expression else { return None };
    let exits: [&[&str]; 4] = [&["sys", "exit"], &["exit"], &["quit"], &["os", "_exit"]];
    let ends = exits.iter().any(|names| is_path(&call.func, names));
    ends.then(|| exit(&call.arguments))
}

/// How a process ends that is given this: a text or a number is a failure.
pub(super) fn exit(arguments: &ast::Arguments) -> Stop {
    let fails = match arguments.args.first() {
        Some(Expr::StringLiteral(_) | Expr::FString(_)) => true,
        Some(Expr::NumberLiteral(number)) => match &number.value {
            ast::Number::Int(number) => number.as_u8() != Some(0),
            _ => false,
        },
        _ => false,
    };
    if fails { Stop::Refuses } else { Stop::Exits }
}

//! What a tree breaks of the rules that Python's compiler holds and its parser does not. Must not know how it is told.

use std::cell::RefCell;

use ruff_python_ast::visitor::{
    Visitor, walk_comprehension, walk_expr, walk_parameters, walk_stmt, walk_type_params,
};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{
    LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
    SemanticSyntaxErrorKind,
};
use ruff_text_size::{Ranged, TextRange};

use super::bound::Declaration;
use super::scopes::{self, Kind, Scopes};

/// What is wrong with a module that parses.
#[derive(Debug)]
pub(super) struct Errors {
    /// In words of the parser's crate.
    pub(super) known: Vec<SemanticSyntaxError>,
    /// Handlers for everything that stand before others.
    pub(super) early_handlers: Vec<TextRange>,
}

/// Looks for all of them.
pub(super) fn errors(body: &[Stmt], source: &str, version: PythonVersion) -> Errors {
    let mut walk = Walk {
        checker: SemanticSyntaxChecker::new(),
        context: Context { scopes: Scopes::new(version), source, errors: RefCell::default() },
        early_handlers: Vec::new(),
    };
    walk.visit_body(body);
    Errors { known: walk.context.errors.into_inner(), early_handlers: walk.early_handlers }
}

struct Context<'a> {
    scopes: Scopes<'a>,
    source: &'a str,
    errors: RefCell<Vec<SemanticSyntaxError>>,
}

/// The walk; the checker is told of each node before its parts.
struct Walk<'a> {
    checker: SemanticSyntaxChecker,
    context: Context<'a>,
    early_handlers: Vec<TextRange>,
}

impl<'a> Walk<'a> {
    fn within(&mut self, kind: Kind<'a>, act: impl FnOnce(&mut Self)) {
        self.context.scopes.enter(kind);
        act(self);
        self.context.scopes.leave();
    }

    /// Something in the scope of these type parameters, if there are any.
    fn with_type_params(
        &mut self,
        params: Option<&'a ast::TypeParams>,
        act: impl FnOnce(&mut Self),
    ) {
        match params {
            None => act(self),
            Some(params) => self.within(Kind::TypeParams, |walk| {
                walk_type_params(walk, params);
                act(walk);
            }),
        }
    }

    fn function(&mut self, function: &'a ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_decorator(decorator);
        }
        for default in defaults(&function.parameters) {
            self.visit_expr(default);
        }
        self.with_type_params(function.type_params.as_deref(), |walk| {
            // Annotations that are not evaluated are still compiled, in the scope around.
            for parameter in &*function.parameters {
                walk.visit_parameter(parameter.as_parameter());
            }
            if let Some(returns) = &function.returns {
                walk.visit_annotation(returns);
            }
            walk.within(Kind::Function(function), |walk| walk.visit_body(&function.body));
        });
    }

    fn class(&mut self, class: &'a ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.visit_decorator(decorator);
        }
        self.with_type_params(class.type_params.as_deref(), |walk| {
            if let Some(arguments) = &class.arguments {
                walk.visit_arguments(arguments);
            }
            walk.within(Kind::Class(&class.body), |walk| walk.visit_body(&class.body));
        });
    }

    fn looped(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        self.context.scopes.enter_loop();
        self.visit_body(body);
        self.context.scopes.leave_loop();
        self.visit_body(orelse);
    }

    /// The first iterable belongs to the scope around, everything else to the comprehension's own.
    fn comprehension(
        &mut self,
        generators: &'a [ast::Comprehension],
        parts: &[&'a Expr],
        is_generator: bool,
    ) {
        let Some((first, others)) = generators.split_first() else { return };
        self.visit_expr(&first.iter);
        let is_async = scopes::is_async(generators, parts);
        self.within(Kind::Comprehension { is_generator, is_async }, |walk| {
            walk.visit_expr(&first.target);
            for condition in &first.ifs {
                walk.visit_expr(condition);
            }
            for other in others {
                walk_comprehension(walk, other);
            }
            for part in parts {
                walk.visit_expr(part);
            }
        });
    }

    /// What the checker of the parser's crate knows words for, and leaves to its caller.
    fn declarations(&self, statement: &'a Stmt) {
        let declared = |name: &str, how| self.context.scopes.declared(name, how).is_some();
        match statement {
            Stmt::Global(ast::StmtGlobal { names, .. }) => {
                for name in names {
                    if declared(name, Declaration::Nonlocal) {
                        let kind = SemanticSyntaxErrorKind::NonlocalAndGlobal(name.to_string());
                        self.report(kind, name.range());
                    }
                }
            }
            Stmt::AnnAssign(ast::StmtAnnAssign { target, simple: true, .. }) => {
                let Expr::Name(name) = &**target else { return };
                if declared(&name.id, Declaration::Nonlocal) {
                    let kind = SemanticSyntaxErrorKind::AnnotatedNonlocal(name.id.to_string());
                    self.report(kind, name.range());
                }
            }
            _ => {}
        }
    }

    fn used_before_nonlocal(&self, name: &'a ast::ExprName) {
        if let Some(declared) = self.context.scopes.declared(&name.id, Declaration::Nonlocal)
            && name.start() < declared.start()
        {
            let kind = SemanticSyntaxErrorKind::LoadBeforeNonlocalDeclaration {
                name: name.id.to_string(),
                start: declared.start(),
            };
            self.report(kind, name.range());
        }
    }

    fn report(&self, kind: SemanticSyntaxErrorKind, range: TextRange) {
        let python_version = self.context.scopes.version;
        let error = SemanticSyntaxError { kind, range, python_version };
        self.context.errors.borrow_mut().push(error);
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if is_future_annotations(statement) {
            self.context.scopes.has_future_annotations = true;
        }
        self.checker.visit_stmt(statement, &self.context);
        self.declarations(statement);
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::TypeAlias(alias) => {
                self.with_type_params(alias.type_params.as_deref(), |walk| {
                    walk.visit_expr(&alias.value);
                });
                self.visit_expr(&alias.name);
            }
            Stmt::For(ast::StmtFor { target, iter, body, orelse, .. }) => {
                self.visit_expr(iter);
                self.visit_expr(target);
                self.looped(body, orelse);
            }
            Stmt::While(ast::StmtWhile { test, body, orelse, .. }) => {
                self.visit_expr(test);
                self.looped(body, orelse);
            }
            Stmt::Try(attempt) => {
                let before = attempt.handlers.split_last().map_or(&[][..], |(_, before)| before);
                let early =
                    before.iter().find(|ExceptHandler::ExceptHandler(one)| one.type_.is_none());
                self.early_handlers.extend(early.map(Ranged::range));
                self.context.scopes.enter_try();
                walk_stmt(self, statement);
                self.context.scopes.leave_try();
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        self.checker.visit_expr(expression, &self.context);
        match expression {
            Expr::Name(name) => self.used_before_nonlocal(name),
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    walk_parameters(self, parameters);
                }
                self.within(Kind::Lambda(lambda), |walk| walk.visit_expr(&lambda.body));
            }
            Expr::ListComp(ast::ExprListComp { elt, generators, .. })
            | Expr::SetComp(ast::ExprSetComp { elt, generators, .. }) => {
                self.comprehension(generators, &[elt], false);
            }
            Expr::DictComp(ast::ExprDictComp { key, value, generators, .. }) => {
                let parts: Vec<&Expr> = key.iter().map(|key| &**key).chain([&**value]).collect();
                self.comprehension(generators, &parts, false);
            }
            Expr::Generator(ast::ExprGenerator { elt, generators, .. }) => {
                self.comprehension(generators, &[elt], true);
            }
            _ => walk_expr(self, expression),
        }
    }
}

/// Defaults are evaluated around the function.
fn defaults(parameters: &ast::Parameters) -> impl Iterator<Item = &Expr> {
    parameters.iter_non_variadic_params().filter_map(ast::ParameterWithDefault::default)
}

pub(super) fn is_future_annotations(statement: &Stmt) -> bool {
    match statement {
        Stmt::ImportFrom(ast::StmtImportFrom { module: Some(module), names, level: 0, .. }) => {
            module == "__future__" && names.iter().any(|alias| &alias.name == "annotations")
        }
        _ => false,
    }
}

impl SemanticSyntaxContext for Context<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.scopes.has_future_annotations
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        self.scopes.lazy_import_context()
    }

    fn python_version(&self) -> PythonVersion {
        self.scopes.version
    }

    fn source(&self) -> &str {
        self.source
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        self.scopes.declared(name, Declaration::Global)
    }

    fn has_nonlocal_binding(&self, name: &str) -> bool {
        self.scopes.is_bound_around(name)
    }

    fn in_async_context(&self) -> bool {
        self.scopes.is_async()
    }

    fn in_await_allowed_context(&self) -> bool {
        self.scopes.may_await()
    }

    fn in_yield_allowed_context(&self) -> bool {
        self.scopes.may_yield()
    }

    fn in_sync_comprehension(&self) -> bool {
        self.scopes.is_in_sync_comprehension()
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.scopes.is_class_around_comprehension()
    }

    fn in_module_scope(&self) -> bool {
        self.scopes.is_module()
    }

    fn in_function_scope(&self) -> bool {
        self.scopes.is_function()
    }

    fn in_generator_context(&self) -> bool {
        self.scopes.is_in_generator()
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.errors.borrow_mut().push(error);
    }

    fn in_loop_context(&self) -> bool {
        self.scopes.is_loop()
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        self.scopes.is_parameter(name)
    }
}

//! Which scope the walk over a tree is in, and what the compiler wants to know of it. Must not know what is found there.

use ruff_python_ast::{self as ast, Expr, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::LazyImportContext;
use ruff_text_size::{Ranged, TextRange};

use super::bound::{self, Declaration, Declared};

/// What kind of code a scope is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Module,
    Class(&'a [Stmt]),
    Function(&'a ast::StmtFunctionDef),
    Lambda(&'a ast::ExprLambda),
    /// A comprehension; a generator expression if it is not evaluated at once.
    Comprehension {
        is_generator: bool,
        is_async: bool,
    },
    /// The scope of type parameters, around what has them.
    TypeParams,
}

#[derive(Debug)]
struct Scope<'a> {
    kind: Kind<'a>,
    declared: Vec<Declared<'a>>,
    loops: usize,
    tries: usize,
}

/// The scopes that are open, from the module inwards.
#[derive(Debug)]
pub(super) struct Scopes<'a> {
    open: Vec<Scope<'a>>,
    pub(super) version: PythonVersion,
    pub(super) has_future_annotations: bool,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(version: PythonVersion) -> Self {
        let module = Scope { kind: Kind::Module, declared: Vec::new(), loops: 0, tries: 0 };
        Self { open: vec![module], version, has_future_annotations: false }
    }

    pub(super) fn enter(&mut self, kind: Kind<'a>) {
        let declared = match kind {
            Kind::Class(body) => bound::declarations(body),
            Kind::Function(function) => bound::declarations(&function.body),
            _ => Vec::new(),
        };
        self.open.push(Scope { kind, declared, loops: 0, tries: 0 });
    }

    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    fn current(&self) -> &Scope<'a> {
        self.open.last().expect("the module's scope is never left")
    }

    fn current_mut(&mut self) -> &mut Scope<'a> {
        self.open.last_mut().expect("the module's scope is never left")
    }

    pub(super) fn enter_loop(&mut self) {
        self.current_mut().loops += 1;
    }

    pub(super) fn leave_loop(&mut self) {
        self.current_mut().loops -= 1;
    }

    pub(super) fn enter_try(&mut self) {
        self.current_mut().tries += 1;
    }

    pub(super) fn leave_try(&mut self) {
        self.current_mut().tries -= 1;
    }

    fn inwards_out(&self) -> impl Iterator<Item = Kind<'a>> {
        self.open.iter().rev().map(|scope| scope.kind)
    }

    pub(super) fn is_async(&self) -> bool {
        for kind in self.inwards_out() {
            match kind {
                Kind::Class(_) | Kind::Lambda(_) | Kind::Module => return false,
                Kind::Function(function) => return function.is_async,
                Kind::Comprehension { .. } | Kind::TypeParams => {}
            }
        }
        false
    }

    pub(super) fn may_await(&self) -> bool {
        let mut kinds = self.inwards_out();
        kinds.find_map(|kind| match kind {
            Kind::Class(_) | Kind::Module => Some(false),
            Kind::Function(_) | Kind::Lambda(_) => Some(true),
            Kind::Comprehension { .. } | Kind::TypeParams => None,
        }) == Some(true)
    }

    pub(super) fn may_yield(&self) -> bool {
        let mut kinds = self.inwards_out();
        kinds.find_map(|kind| match kind {
            Kind::Class(_) | Kind::Module | Kind::Comprehension { .. } => Some(false),
            Kind::Function(_) | Kind::Lambda(_) => Some(true),
            Kind::TypeParams => None,
        }) == Some(true)
    }

    pub(super) fn is_in_sync_comprehension(&self) -> bool {
        self.inwards_out()
            .take_while(|kind| matches!(kind, Kind::Comprehension { .. } | Kind::TypeParams))
            .any(|kind| {
                matches!(kind, Kind::Comprehension { is_generator: false, is_async: false })
            })
    }

    pub(super) fn is_in_generator(&self) -> bool {
        self.inwards_out()
            .take_while(|kind| matches!(kind, Kind::Comprehension { .. }))
            .any(|kind| matches!(kind, Kind::Comprehension { is_generator: true, .. }))
    }

    pub(super) fn is_class_around_comprehension(&self) -> bool {
        let around = self.inwards_out().find(|kind| !matches!(kind, Kind::Comprehension { .. }));
        matches!(around, Some(Kind::Class(_)))
    }

    pub(super) fn is_module(&self) -> bool {
        matches!(self.current().kind, Kind::Module)
    }

    pub(super) fn is_function(&self) -> bool {
        matches!(self.current().kind, Kind::Function(_))
    }

    pub(super) fn is_loop(&self) -> bool {
        self.current().loops > 0
    }

    pub(super) fn lazy_import_context(&self) -> Option<LazyImportContext> {
        if self.inwards_out().any(|kind| matches!(kind, Kind::Function(_))) {
            Some(LazyImportContext::Function)
        } else if self.inwards_out().any(|kind| matches!(kind, Kind::Class(_))) {
            Some(LazyImportContext::Class)
        } else {
            let is_tried = self.open.iter().any(|scope| scope.tries > 0);
            is_tried.then_some(LazyImportContext::TryExceptBlocks)
        }
    }

    /// Where the current scope declares a name to be another's.
    pub(super) fn declared(&self, name: &str, declaration: Declaration) -> Option<TextRange> {
        let mut declared = self.current().declared.iter();
        declared
            .find(|(kind, declared)| *kind == declaration && declared.as_str() == name)
            .map(|(_, declared)| declared.range())
    }

    pub(super) fn is_parameter(&self, name: &str) -> bool {
        match self.current().kind {
            Kind::Function(function) => bound::is_parameter(&function.parameters, name),
            Kind::Lambda(ast::ExprLambda { parameters: Some(parameters), .. }) => {
                bound::is_parameter(parameters, name)
            }
            _ => false,
        }
    }

    /// Whether a function around the current scope binds a name.
    pub(super) fn is_bound_around(&self, name: &str) -> bool {
        let mut around = self.inwards_out().skip(1);
        around.any(|kind| match kind {
            Kind::Function(function) => {
                bound::is_parameter(&function.parameters, name)
                    || bound::binds(&function.body, name)
            }
            Kind::Lambda(ast::ExprLambda { parameters: Some(parameters), .. }) => {
                bound::is_parameter(parameters, name)
            }
            // What methods refer to as their class.
            Kind::Class(_) => name == "__class__",
            _ => false,
        })
    }
}

/// Whether a comprehension awaits.
pub(super) fn is_async(generators: &[ast::Comprehension], parts: &[&Expr]) -> bool {
    generators.iter().any(|generator| generator.is_async)
        || parts.iter().any(|part| bound::awaits(part))
}

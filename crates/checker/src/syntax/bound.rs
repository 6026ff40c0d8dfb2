//! Which names a body binds or declares, without the bodies inside of it. Must not know what they are looked up for.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt as walk_stmt_body};
use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, ExprContext, Pattern, Stmt};

/// How a name can be said to be another scope's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declaration {
    Global,
    Nonlocal,
}

/// A name that a body declares to be another scope's.
pub(super) type Declared<'a> = (Declaration, &'a ast::Identifier);

/// All that a body declares.
pub(super) fn declarations(body: &[Stmt]) -> Vec<Declared<'_>> {
    struct Declarations<'a>(Vec<Declared<'a>>);
    impl<'a> StatementVisitor<'a> for Declarations<'a> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            match statement {
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                Stmt::Global(ast::StmtGlobal { names, .. }) => {
                    self.0.extend(names.iter().map(|name| (Declaration::Global, name)));
                }
                Stmt::Nonlocal(ast::StmtNonlocal { names, .. }) => {
                    self.0.extend(names.iter().map(|name| (Declaration::Nonlocal, name)));
                }
                _ => walk_stmt_body(self, statement),
            }
        }
    }
    let mut found = Declarations(Vec::new());
    found.visit_body(body);
    found.0
}

/// Whether a body binds a name in its own scope.
pub(super) fn binds(body: &[Stmt], name: &str) -> bool {
    let declared = declarations(body);
    match declared.iter().find(|(_, declared)| declared.as_str() == name) {
        Some((declaration, _)) => *declaration == Declaration::Nonlocal,
        None => bound_names(body).contains(&name),
    }
}

pub(super) fn is_parameter(parameters: &ast::Parameters, name: &str) -> bool {
    parameters.iter().any(|parameter| parameter.name().as_str() == name)
}

/// Whether an expression awaits in its own scope.
pub(super) fn awaits(expression: &Expr) -> bool {
    struct Awaits(bool);
    impl<'a> Visitor<'a> for Awaits {
        fn visit_expr(&mut self, expression: &'a Expr) {
            match expression {
                Expr::Await(_) => self.0 = true,
                Expr::Lambda(_) => {}
                // Of one inside only the first iterable is read here.
                Expr::ListComp(ast::ExprListComp { generators, .. })
                | Expr::SetComp(ast::ExprSetComp { generators, .. })
                | Expr::DictComp(ast::ExprDictComp { generators, .. })
                | Expr::Generator(ast::ExprGenerator { generators, .. }) => {
                    generators.iter().take(1).for_each(|first| self.visit_expr(&first.iter));
                }
                _ => walk_expr(self, expression),
            }
        }
    }
    let mut awaits = Awaits(false);
    awaits.visit_expr(expression);
    awaits.0
}

/// All that a body binds, what it declares to be elsewhere too.
fn bound_names(body: &[Stmt]) -> Vec<&str> {
    names(body).bound
}

/// What a body says of names in its own scope, by one walk.
pub(super) fn names(body: &[Stmt]) -> Names<'_> {
    let mut names = Names::default();
    names.visit_body(body);
    names
}

/// Names that a body says something of.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// All that it binds, what it declares to be elsewhere too.
    pub(super) bound: Vec<&'a str>,
    /// What it declares.
    pub(super) declared: Vec<Declared<'a>>,
    /// Whether it is a generator's.
    pub(super) yields: bool,
}

impl<'a> Visitor<'a> for Names<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.bound.push(&function.name),
            Stmt::ClassDef(class) => self.bound.push(&class.name),
            Stmt::Import(ast::StmtImport { names, .. }) => {
                self.bound.extend(names.iter().map(bound_by));
            }
            Stmt::ImportFrom(ast::StmtImportFrom { names, .. }) => {
                self.bound.extend(
                    names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str()),
                );
            }
            Stmt::Global(ast::StmtGlobal { names, .. }) => {
                self.declared.extend(names.iter().map(|name| (Declaration::Global, name)));
            }
            Stmt::Nonlocal(ast::StmtNonlocal { names, .. }) => {
                self.declared.extend(names.iter().map(|name| (Declaration::Nonlocal, name)));
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(ast::ExprName {
                id, ctx: ExprContext::Store | ExprContext::Del, ..
            }) => {
                self.bound.push(id);
            }
            Expr::Lambda(_) => {}
            // What it binds with `:=` is bound around it, its own targets are not: taking both is right for
            // whoever asks whether a name may be meant.
            _ => {
                self.yields |= matches!(expression, Expr::Yield(_) | Expr::YieldFrom(_));
                walk_expr(self, expression);
            }
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        self.bound.extend(inner.name.as_ref().map(ast::Identifier::as_str));
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(ast::PatternMatchAs { name, .. })
            | Pattern::MatchStar(ast::PatternMatchStar { name, .. }) => name.as_ref(),
            Pattern::MatchMapping(ast::PatternMatchMapping { rest, .. }) => rest.as_ref(),
            _ => None,
        };
        self.bound.extend(name.map(ast::Identifier::as_str));
        walk_pattern(self, pattern);
    }
}

/// The name that `import a.b as c` binds, or `import a.b`.
pub(super) fn bound_by(alias: &ast::Alias) -> &str {
    match &alias.asname {
        Some(name) => name,
        None => alias.name.split('.').next().unwrap_or_default(),
    }
}

/// The names that a pattern binds.
pub(super) fn captured(pattern: &Pattern) -> Vec<&str> {
    let mut names = Names::default();
    names.visit_pattern(pattern);
    names.bound
}

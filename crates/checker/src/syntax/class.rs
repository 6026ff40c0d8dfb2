//! What a class statement does, and the fields that it declares. Must not know which classes mean something.

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use super::bound;
use super::decide::{last_name, path, text};
use super::flow::Builder;
use super::scoping::Owner;
use crate::outline::{Class, Field, Keyword, Literal, Name, Step};

impl Builder<'_> {
    pub(super) fn class(&mut self, class: &ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.visit_decorator(decorator);
            // Its members become the module's names.
            self.is_open |= last_name(&decorator.expression) == Some("global_enum");
        }
        let mut params = FxHashSet::default();
        if let Some(type_params) = &class.type_params {
            params.extend(type_params.iter().map(|param| param.name().id.clone().into()));
        }
        self.scoping.enter(Owner::TypeParams, params, FxHashSet::default());
        if let Some(arguments) = &class.arguments {
            self.visit_arguments(arguments);
        }
        let own = bound::names(&class.body);
        let mut names: FxHashSet<Name> = own.bound.into_iter().map(Name::from).collect();
        names.extend(["__module__", "__qualname__"].map(Name::from_static_str));
        let mut globals = FxHashSet::default();
        for (declaration, name) in own.declared {
            names.remove(name.as_str());
            if declaration == bound::Declaration::Global {
                globals.insert(name.id.clone().into());
            }
        }
        self.scoping.enter(Owner::Class, names, globals);
        let body = self.block(|builder| builder.visit_body(&class.body));
        self.scoping.leave();
        self.scoping.leave();
        let bases = class.arguments.iter().flat_map(|arguments| &arguments.args);
        let name = Name::from(class.name.id.clone());
        let is_local = self.scoping.binds_local(&name);
        self.emit(Step::Class(Box::new(Class {
            name,
            body,
            is_local,
            bases: bases.filter_map(path).collect(),
            fields: class.body.iter().filter_map(|statement| self.field(statement)).collect(),
            config: config(class),
            is_plain: class.decorator_list.is_empty(),
            at: class.name.start().to_u32(),
        })));
    }

    fn field(&self, statement: &Stmt) -> Option<Field> {
        let Stmt::AnnAssign(assign) = statement else { return None };
        let Expr::Name(name) = &*assign.target else { return None };
        let annotation = self.source[assign.annotation.range()].to_owned();
        let mut field = Field {
            name: name.id.to_string(),
            at: name.start().to_u32(),
            has_default: assign.value.is_some(),
            aliases: Vec::new(),
            // What stands beside the type may say all that a value may.
            is_open: annotation.contains("Annotated"),
            annotation,
        };
        if let Some(Expr::Call(call)) = assign.value.as_deref() {
            described(call, &mut field);
        }
        Some(field)
    }
}

/// `Field(…)`: with no default, or `...` as the first argument, the field has none.
fn described(call: &ast::ExprCall, field: &mut Field) {
    if last_name(&call.func) != Some("Field") {
        return;
    }
    let arguments = &call.arguments;
    field.has_default = match arguments.args.first() {
        Some(first) => !matches!(first, Expr::EllipsisLiteral(_)),
        None => false,
    };
    for keyword in &arguments.keywords {
        match keyword.arg.as_ref().map(ast::Identifier::as_str) {
            Some("default") => {
                field.has_default = !matches!(keyword.value, Expr::EllipsisLiteral(_));
            }
            Some("default_factory") => field.has_default = true,
            Some("alias" | "validation_alias" | "env") => match names(&keyword.value) {
                Some(names) => field.aliases.extend(names),
                None => field.is_open = true,
            },
            None => field.is_open = true,
            _ => {}
        }
    }
}

/// `"A"`, `["A", "B"]`, `AliasChoices("A", "B")`.
fn names(expression: &Expr) -> Option<Vec<String>> {
    match expression {
        Expr::StringLiteral(_) => Some(vec![text(expression)?.to_owned()]),
        Expr::Call(call) => {
            let arguments = call.arguments.args.iter();
            arguments.map(|argument| text(argument).map(str::to_owned)).collect()
        }
        _ => {
            let names = super::uses::strings(expression)?;
            Some(names.into_iter().map(String::from).collect())
        }
    }
}

/// `class S(BaseSettings, env_prefix=…)`, `model_config = SettingsConfigDict(…)`, or the assignments of `class Config`.
fn config(class: &ast::StmtClassDef) -> Vec<Keyword> {
    let arguments = class.arguments.iter().flat_map(|arguments| &arguments.keywords);
    let mut found: Vec<Keyword> = arguments.map(keyword).collect();
    for statement in &class.body {
        match statement {
            Stmt::Assign(ast::StmtAssign { targets, value, .. }) => {
                let is_config =
                    matches!(targets.as_slice(), [Expr::Name(name)] if name.id == "model_config");
                if is_config {
                    found.extend(keywords(value));
                }
            }
            Stmt::ClassDef(class) if &class.name == "Config" => {
                for inner in &class.body {
                    let Stmt::Assign(ast::StmtAssign { targets, value, .. }) = inner else {
                        continue;
                    };
                    if let [Expr::Name(name)] = targets.as_slice() {
                        found.push(Keyword { name: name.id.to_string(), value: literal(value) });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn keyword(keyword: &ast::Keyword) -> Keyword {
    Keyword {
        name: keyword.arg.as_ref().map_or("**".to_owned(), ToString::to_string),
        value: literal(&keyword.value),
    }
}

fn keywords(value: &Expr) -> Vec<Keyword> {
    match value {
        Expr::Call(call) => call.arguments.keywords.iter().map(keyword).collect(),
        Expr::Dict(dict) => {
            let items = dict.items.iter().map(|item| Keyword {
                name: item.key.as_ref().and_then(text).unwrap_or("**").to_owned(),
                value: literal(&item.value),
            });
            items.collect()
        }
        _ => vec![Keyword { name: "**".to_owned(), value: Literal::Other }],
    }
}

fn literal(expression: &Expr) -> Literal {
    match expression {
        Expr::StringLiteral(_) => {
            text(expression).map_or(Literal::Other, |text| Literal::Text(text.to_owned()))
        }
        Expr::BooleanLiteral(literal) if literal.value => Literal::True,
        Expr::BooleanLiteral(_) => Literal::False,
        Expr::NoneLiteral(_) => Literal::None,
        _ => Literal::Other,
    }
}

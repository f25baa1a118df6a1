//! A GPU may flush subnormal numbers to zero, in what goes into an operation and in what comes out.
//! Here the text of the shaders' activations is computed that way, operation by operation, and what
//! comes out must be right to f32's precision wherever it is of normal size. Needs no GPU.

use ergodic::wgpu::naga::{
    BinaryOperator, Block, Expression, Function, Handle, Literal, MathFunction, Module, ScalarKind,
    Statement, UnaryOperator, front::wgsl,
};

/// A value of a shader.
#[derive(Clone, Debug)]
enum Value {
    F(f32),
    U(u32),
    I(i32),
    B(bool),
    Vector(Vec<Value>),
}

use Value::{B, F, I, U, Vector};

/// What such a GPU makes of a number.
fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0.0_f32.copysign(x) } else { x }
}

/// A call of a function, whose statements run one after the other: there are no branches in it.
struct Call<'a> {
    module: &'a Module,
    function: &'a Function,
    arguments: Vec<Value>,
    results: Vec<(Handle<Expression>, Value)>,
}

fn call(module: &Module, function: &Function, arguments: Vec<Value>) -> Value {
    let mut call = Call { module, function, arguments, results: Vec::new() };
    call.run(&function.body).expect("a function returns a value")
}

impl Call<'_> {
    fn run(&mut self, block: &Block) -> Option<Value> {
        for statement in block {
            match statement {
                Statement::Emit(range) => {
                    for handle in range.clone() {
                        let value = self.compute(handle);
                        self.results.push((handle, value));
                    }
                }
                Statement::Call { function, arguments, result } => {
                    let arguments = arguments.iter().map(|handle| self.value(*handle)).collect();
                    let value = call(self.module, &self.module.functions[*function], arguments);
                    self.results.extend(result.map(|handle| (handle, value)));
                }
                Statement::Block(block) => {
                    if let Some(value) = self.run(block) {
                        return Some(value);
                    }
                }
                Statement::Return { value } => return value.map(|handle| self.value(handle)),
                other => panic!("not known here: {other:?}"),
            }
        }
        None
    }

    /// A value that has been computed, or needs no computing.
    fn value(&self, handle: Handle<Expression>) -> Value {
        let found = self.results.iter().rev().find(|(known, _)| *known == handle);
        found.map_or_else(|| self.compute(handle), |(_, value)| value.clone())
    }

    fn compute(&self, handle: Handle<Expression>) -> Value {
        match &self.function.expressions[handle] {
            Expression::Literal(Literal::F32(x)) => F(*x),
            Expression::Literal(Literal::U32(x)) => U(*x),
            Expression::Literal(Literal::I32(x)) => I(*x),
            Expression::FunctionArgument(index) => self.arguments[*index as usize].clone(),
            Expression::Compose { components, .. } => {
                Vector(components.iter().map(|component| self.value(*component)).collect())
            }
            Expression::AccessIndex { base, index } => match self.value(*base) {
                Vector(values) => values[*index as usize].clone(),
                other => panic!("no vector: {other:?}"),
            },
            Expression::Unary { op: UnaryOperator::Negate, expr } => match self.value(*expr) {
                F(x) => F(-x),
                other => panic!("not known here: -{other:?}"),
            },
            Expression::Binary { op, left, right } => {
                binary(*op, self.value(*left), self.value(*right))
            }
            Expression::Select { condition, accept, reject } => match self.value(*condition) {
                B(true) => self.value(*accept),
                B(false) => self.value(*reject),
                other => panic!("no condition: {other:?}"),
            },
            Expression::Math { fun, arg, arg1, arg2, .. } => {
                let others = [arg1, arg2].into_iter().flatten();
                let all = std::iter::once(arg).chain(others).map(|handle| self.value(*handle));
                math(*fun, &all.collect::<Vec<_>>())
            }
            Expression::As { expr, kind, convert } => match (self.value(*expr), kind, convert) {
                (F(x), ScalarKind::Sint, Some(4)) => I(x as i32),
                (I(x), ScalarKind::Uint, Some(4)) => U(x as u32),
                (U(x), ScalarKind::Float, None) => F(f32::from_bits(x)),
                other => panic!("not known here: {other:?}"),
            },
            other => panic!("not known here: {other:?}"),
        }
    }
}

fn binary(op: BinaryOperator, left: Value, right: Value) -> Value {
    match (left, right) {
        (F(a), F(b)) => {
            let (a, b) = (flushed(a), flushed(b));
            match op {
                BinaryOperator::Add => F(flushed(a + b)),
                BinaryOperator::Subtract => F(flushed(a - b)),
                BinaryOperator::Multiply => F(flushed(a * b)),
                BinaryOperator::Divide => F(flushed(a / b)),
                BinaryOperator::GreaterEqual => B(a >= b),
                BinaryOperator::Greater => B(a > b),
                BinaryOperator::Less => B(a < b),
                other => panic!("not known here: {other:?}"),
            }
        }
        (I(a), I(b)) if op == BinaryOperator::Add => I(a + b),
        (U(a), U(b)) if op == BinaryOperator::ShiftLeft => U(a << b),
        other => panic!("not known here: {op:?} of {other:?}"),
    }
}

fn math(function: MathFunction, arguments: &[Value]) -> Value {
    let number = |value: &Value| match value {
        F(x) => flushed(*x),
        other => panic!("no number: {other:?}"),
    };
    let numbers: Vec<f32> = arguments.iter().map(number).collect();
    F(match (function, &numbers[..]) {
        (MathFunction::Abs, [x]) => x.abs(),
        (MathFunction::Exp, [x]) => flushed(f64::from(*x).exp() as f32),
        (MathFunction::Round, [x]) => x.round_ties_even(),
        (MathFunction::Min, [a, b]) => a.min(*b),
        (MathFunction::Max, [a, b]) => a.max(*b),
        (MathFunction::Clamp, [x, low, high]) => x.clamp(*low, *high),
        other => panic!("not known here: {other:?}"),
    })
}

/// 1 / (1 + e⁻ˣ) in f64.
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// (value, slope) in f64, and the sizes that they are right in proportion to: the slope of silu
/// crosses zero, so it is measured by its terms.
type Exact = fn(f64) -> ([f64; 2], [f64; 2]);

fn in_proportion(values: [f64; 2]) -> ([f64; 2], [f64; 2]) {
    (values, values.map(f64::abs))
}

fn logistic_slope(x: f64) -> f64 {
    logistic(x) * logistic(-x)
}

fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Functions of one number, whose second value is 0 where they give one alone.
const FUNCTIONS: [(&str, Exact); 8] = [
    ("activation_sigmoid", |x| in_proportion([logistic(x), 0.0])),
    ("activation_softplus", |x| in_proportion([log_one_plus_exp(x), 0.0])),
    ("activation_exp", |x| in_proportion([x.min(0.0).exp(), 0.0])),
    ("activation_sigmoid_with_slope", |x| in_proportion([logistic(x), logistic_slope(x)])),
    ("activation_softplus_with_slope", |x| in_proportion([log_one_plus_exp(x), logistic(x)])),
    ("activation_silu", |x| {
        let (s, slope) = (logistic(x), logistic_slope(x));
        ([x * s, s + x * slope], [(x * s).abs(), s + (x * slope).abs()])
    }),
    ("activation_elu", |x| in_proportion(if x > 0.0 { [x, 1.0] } else { [x.exp_m1(), x.exp()] })),
    ("activation_tanh", |x| in_proportion([x.tanh(), x.cosh().powi(-2)])),
];

/// Dense between the ends of the exponential, and by powers of two towards zero, as far as halves of
/// them are of normal size.
fn points() -> impl Iterator<Item = f32> {
    let dense = (-20_000..=20_000).map(|step| 87.0 * step as f32 / 20_000.0);
    let towards_zero = (1..=120).map(|power| 1.3 * 0.5_f32.powi(power));
    dense.chain(towards_zero.flat_map(|x| [x, -x]))
}

/// A dozen roundings of 2⁻²⁴ and the polynomials' errors make a few 1e-7; an intermediate that is
/// flushed makes 1.
const ALLOWED: f64 = 1.5e-6;

#[test]
fn activations_of_normal_size_need_no_subnormal_numbers() {
    let module = wgsl::parse_str(include_str!("../../shaders/lib/activation.wgsl")).unwrap();
    let named = |name: &str| {
        let mut functions = module.functions.iter().map(|(_, function)| function);
        functions.find(|function| function.name.as_deref() == Some(name)).unwrap()
    };
    for (name, exact) in FUNCTIONS {
        let function = named(name);
        for x in points() {
            let found = match call(&module, function, vec![F(x)]) {
                F(value) => [value, 0.0],
                Vector(pair) => match pair[..] {
                    [F(value), F(slope)] => [value, slope],
                    _ => panic!("{name}: {pair:?}"),
                },
                other => panic!("{name}: {other:?}"),
            };
            let (wanted, sizes) = exact(f64::from(x));
            for ((found, wanted), size) in found.iter().zip(wanted).zip(sizes) {
                // tanh's exponential ends at e^-87 = e^(-2 · 43.5), and its slope stays there.
                let is_past_end = name == "activation_tanh" && x.abs() > 43.5;
                if wanted.abs() >= f64::from(f32::MIN_POSITIVE) && !is_past_end {
                    let error = (f64::from(*found) - wanted).abs();
                    assert!(error <= ALLOWED * size, "{name}({x}) is {found}, wanted {wanted:e}");
                }
            }
        }
    }
}

/// The quotient of softplus in its usual form is subnormal where e^x is at the end of f32.
#[test]
fn a_formula_that_needs_subnormal_numbers_is_found_out() {
    let text = "fn softplus(x: f32) -> f32 {
        let t = exp(x);
        let s = t / (2.0 + t);
        return 2.0 * s;
    }";
    let module = wgsl::parse_str(text).unwrap();
    let (_, function) = module.functions.iter().next().unwrap();
    let at = |x: f32| match call(&module, function, vec![F(x)]) {
        F(value) => f64::from(value) / log_one_plus_exp(f64::from(x)),
        other => panic!("{other:?}"),
    };
    assert!((at(-80.0) - 1.0).abs() < 1e-6, "{}", at(-80.0));
    assert_eq!(at(-87.0), 0.0);
}

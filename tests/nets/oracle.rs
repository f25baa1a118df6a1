//! A multilayer perceptron in f64, with its derivatives by the chain rule in forward mode: second
//! derivatives along any direction come out exactly.

use ergodic::device::Nonlinearity;

/// Value, first and second derivative along a direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jet(pub f64, pub f64, pub f64);

/// φ, φ', φ''.
pub fn nonlinearity(kind: Nonlinearity, x: f64) -> (f64, f64, f64) {
    let s = 1.0 / (1.0 + (-x).exp());
    match kind {
        Nonlinearity::Silu => {
            let slope = s * (1.0 - s);
            (x * s, s + x * slope, 2.0 * slope + x * slope * (1.0 - 2.0 * s))
        }
        Nonlinearity::Elu if x > 0.0 => (x, 1.0, 0.0),
        Nonlinearity::Elu => (x.exp_m1(), x.exp(), x.exp()),
        Nonlinearity::Tanh => {
            let t = x.tanh();
            (t, 1.0 - t * t, -2.0 * t * (1.0 - t * t))
        }
        Nonlinearity::Softplus => (x.max(0.0) + (-x.abs()).exp().ln_1p(), s, s * (1.0 - s)),
    }
}

/// A net in f64.
#[derive(Clone)]
pub struct Net {
    /// (weights [in, out], bias [out]) of every layer.
    pub layers: Vec<(Vec<f64>, Vec<f64>)>,
    pub nonlinearity: Nonlinearity,
    pub base_precision: f64,
}

impl Net {
    /// Jets of the outputs along `v`.
    pub fn outputs(&self, x: &[f64], v: &[f64]) -> Vec<Jet> {
        let mut values: Vec<Jet> = x.iter().zip(v).map(|(x, v)| Jet(*x, *v, 0.0)).collect();
        for (index, (weights, bias)) in self.layers.iter().enumerate() {
            let outputs = bias.len();
            values = (0..outputs)
                .map(|unit| {
                    let mut sum = Jet(bias[unit], 0.0, 0.0);
                    for (row, jet) in values.iter().enumerate() {
                        let w = weights[row * outputs + unit];
                        sum = Jet(sum.0 + w * jet.0, sum.1 + w * jet.1, sum.2 + w * jet.2);
                    }
                    if index + 1 == self.layers.len() {
                        return sum;
                    }
                    let (value, slope, curve) = nonlinearity(self.nonlinearity, sum.0);
                    Jet(value, slope * sum.1, slope * sum.2 + curve * sum.1 * sum.1)
                })
                .collect();
        }
        values
    }

    /// The jet of E(x) along `v`.
    pub fn energy(&self, x: &[f64], v: &[f64]) -> Jet {
        let outputs = self.outputs(x, v);
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let p = self.base_precision;
        let base = Jet(0.5 * p * dot(x, x), p * dot(x, v), p * dot(v, v));
        let head = if let [one] = outputs[..] {
            one
        } else {
            let largest = outputs.iter().fold(f64::NEG_INFINITY, |m, jet| m.max(jet.0));
            let weights: Vec<f64> = outputs.iter().map(|jet| (jet.0 - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            let mean = |of: &dyn Fn(&Jet) -> f64| -> f64 {
                outputs.iter().zip(&weights).map(|(jet, w)| w * of(jet)).sum::<f64>() / total
            };
            let first = mean(&|jet| jet.1);
            let second = mean(&|jet| jet.2 + jet.1 * jet.1) - first * first;
            Jet(-(largest + total.ln()), -first, -second)
        };
        Jet(head.0 + base.0, head.1 + base.1, head.2 + base.2)
    }

    /// ∇ₓE.
    pub fn slope(&self, x: &[f64]) -> Vec<f64> {
        (0..x.len()).map(|axis| self.energy(x, &unit(x.len(), axis)).1).collect()
    }

    /// tr ∇ₓ²E.
    pub fn trace(&self, x: &[f64]) -> f64 {
        (0..x.len()).map(|axis| self.energy(x, &unit(x.len(), axis)).2).sum()
    }

    /// The derivative of `loss` with respect to one parameter, by central differences in f64.
    pub fn derivative(
        &self,
        layer: usize,
        in_bias: bool,
        place: usize,
        loss: &dyn Fn(&Net) -> f64,
    ) -> f64 {
        const H: f64 = 1e-5;
        let shifted = |h: f64| {
            let mut net = self.clone();
            let (weights, bias) = &mut net.layers[layer];
            let values = if in_bias { bias } else { weights };
            values[place] += h;
            loss(&net)
        };
        (shifted(H) - shifted(-H)) / (2.0 * H)
    }
}

/// A unit vector.
pub fn unit(dimension: usize, axis: usize) -> Vec<f64> {
    (0..dimension).map(|i| f64::from(u8::from(i == axis))).collect()
}

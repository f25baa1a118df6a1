//! Trains an RBM on handwritten digits by persistent contrastive divergence, says how likely it
//! makes digits it has never seen, and draws what its chains dream of.
//!
//!     cargo run --release --example pcd_digits

use ergodic::{
    data,
    device::Device,
    evaluate::{Evaluation, Judge},
    plot,
    run::visible_means,
    train::{Settings, Trainer},
};
use pollster::block_on;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = block_on(Device::open("auto"))?;
    println!("{}", device.name());

    let digits = data::load("digits", &data::Options::default())?;
    let shape = digits.image.ok_or("digits are pictures")?;
    let settings = Settings { hidden: vec![20], epochs: 1000, ..Settings::default() };
    let mut trainer = Trainer::new(&device, digits, settings)?;
    while trainer.steps_done() < trainer.steps_total() {
        trainer.step()?;
    }

    let model = trainer.averaged_model()?;
    let evaluation = block_on(Evaluation::of(&model, trainer.data(), &Judge::default()))?;
    let likelihood = evaluation.log_likelihood.test.exact.ok_or("20 units can be enumerated")?;
    println!("log-likelihood of a test digit: {likelihood:.3} nats");

    let (rbm, chains) = model.as_rbm().zip(trainer.chains()).ok_or("an RBM has chains")?;
    let mut dreams = block_on(visible_means(rbm, &chains.hidden, 1.0))?;
    dreams.truncate(100 * shape.height * shape.width);
    std::fs::write("digits.png", plot::png(&plot::grid(&dreams, shape, None)?)?)?;
    println!("drawn to digits.png");
    Ok(())
}

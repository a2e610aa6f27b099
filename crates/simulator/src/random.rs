//! Seeded chance: the same seed gives the same world on every machine.

/// SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each pair.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.bits();
        random
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Evenly from 0 to `n` − 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// True with that probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Gamma with that shape and scale 1 (Marsaglia & Tsang 2000; below 1 by a power of a uniform).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * (1.0 - self.uniform()).powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// An index, by weights.
    pub fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        for (i, weight) in weights.iter().enumerate() {
            if left < *weight {
                return i;
            }
            left -= weight;
        }
        weights.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_world() {
        let draw = |seed, stream| (0..5).map(|_| Random::new(seed, stream).uniform()).collect::<Vec<_>>();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
    }

    #[test]
    fn moments_are_right() {
        let mut random = Random::new(1, 1);
        let n = 40_000;
        let mut moments = |draw: fn(&mut Random) -> f64| {
            let all: Vec<f64> = (0..n).map(|_| draw(&mut random)).collect();
            let mean = all.iter().sum::<f64>() / f64::from(n);
            (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n))
        };
        for (draw, mean, variance) in [
            (Random::uniform as fn(&mut Random) -> f64, 0.5, 1.0 / 12.0),
            (Random::normal, 0.0, 1.0),
            (|r| r.gamma(3.0), 3.0, 3.0),
            (|r| r.gamma(0.8), 0.8, 0.8),
            (|r| r.pick(&[1.0, 2.0, 1.0]) as f64, 1.0, 0.5),
        ] {
            let (m, v) = moments(draw);
            assert!((m - mean).abs() < 0.03 && (v - variance).abs() < 0.1 * variance + 0.02, "{m} {v} for {mean}");
        }
    }
}

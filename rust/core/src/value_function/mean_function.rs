//! Value functions of the feature means alone, by their partial derivatives.

use crate::error::Result;

/// G in `F(X) = G(means of the features)`.
pub trait MeanFunction: Send + Sync {
    /// G at the means. `path` says where they lie on the path, 1 being x and 0 the baseline, for
    /// the message of an error.
    ///
    /// # Errors
    /// Where G is not defined at these means, or not for so many features.
    fn of_means(&self, means: &[f64], path: f64) -> Result<f64>;

    /// The partial derivative of G by these features, of which there are one to five, ascending;
    /// a feature that is there twice is derived by twice. The means are some where G has a value.
    fn derivative(&self, means: &[f64], features: &[usize]) -> f64;

    /// The partial derivatives by each of several tuples of features.
    fn derivatives(&self, means: &[f64], tuples: &[Vec<usize>]) -> Vec<f64> {
        tuples.iter().map(|tuple| self.derivative(means, tuple)).collect()
    }

    /// Whether G is defined wherever each feature's mean is between the two numbers given for it. If
    /// not, the expansion looks for coalitions whose means G refuses.
    fn is_defined_between(&self, ends: &[[f64; 2]]) -> bool {
        let _ = ends;
        true
    }
}

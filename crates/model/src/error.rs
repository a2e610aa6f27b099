//! How a call to the model can fail.

/// Why there is no answer. No variant holds text of a prompt, a message or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No answer within the deadline.
    #[error("the model did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("the model cannot be reached")]
    Unreachable,
    /// 429: too many requests or tokens for this key.
    #[error("the model's rate limit is reached")]
    RateLimited,
    /// 529 or another 5xx.
    #[error("the model is overloaded")]
    Overloaded,
    /// 401 or 403: the key is not accepted.
    #[error("the model does not accept the key")]
    Unauthorized,
    /// Another 4xx, with the error's type: a bug of ours or a model that does not exist.
    #[error("the model refused the request ({0})")]
    Rejected(String),
    /// The model declined to answer this text.
    #[error("the model declined to answer")]
    Refused,
    /// An answer without text.
    #[error("the model's answer is empty")]
    Empty,
    /// An answer cut off at its token limit where half of one is no use.
    #[error("the model's answer is cut off")]
    CutOff,
    /// An answer that is not what the API or the schema promises.
    #[error("the model's answer is malformed")]
    Malformed,
}

impl ModelError {
    /// A stable code, stored with what failed.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "model_timeout",
            Self::Unreachable => "model_unreachable",
            Self::RateLimited => "model_rate_limited",
            Self::Overloaded => "model_overloaded",
            Self::Unauthorized => "model_unauthorized",
            Self::Rejected(_) => "model_rejected_request",
            Self::Refused => "model_refused",
            Self::Empty => "model_empty_answer",
            Self::CutOff => "model_cut_off",
            Self::Malformed => "model_malformed_answer",
        }
    }

    /// The HTTP status a caller of ours gets.
    pub fn status(&self) -> u16 {
        match self {
            Self::Timeout => 504,
            Self::RateLimited | Self::Overloaded => 503,
            Self::Unauthorized => 500,
            Self::Refused => 422,
            Self::Unreachable | Self::Rejected(_) | Self::Empty | Self::CutOff | Self::Malformed => 502,
        }
    }
}

//! How a call to the model can fail.

/// Why there is no answer. No variant holds text of a prompt, a message or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No word from the model for too long, or no whole answer within the deadline.
    #[error("the model did not answer in time")]
    Timeout,
    /// No connection.
    #[error("the model cannot be reached")]
    Unreachable,
    /// 429: too many requests or tokens for this key, with the seconds after which the model says to come back.
    #[error("the model's rate limit is reached")]
    RateLimited(Option<u32>),
    /// 529 or 503, with the seconds after which the model says to come back.
    #[error("the model is overloaded")]
    Overloaded(Option<u32>),
    /// Another 5xx.
    #[error("the model failed")]
    ServerError,
    /// 429 because the owner's spending limit is reached: waiting does not help.
    #[error("the spending limit set at the model's provider is reached")]
    SpendLimit,
    /// 401 or 403: the key is not accepted.
    #[error("the model does not accept the key")]
    Unauthorized,
    /// The version's model is at an address of its own, and that host is not among those that may be asked.
    #[error("the address of the version's own model is not allowed")]
    NotAllowed,
    /// The version's model is at an address of its own, and there is no key for it, or it answers 401 or 403.
    #[error("the version's own model does not accept the key")]
    OwnKeyRefused,
    /// Another 4xx, with the error's type: a bug of ours or a model that does not exist.
    #[error("the model refused the request ({0})")]
    Rejected(String),
    /// The model declined to answer this text.
    #[error("the model declined to answer")]
    Refused,
    /// An answer without text.
    #[error("the model's answer is empty")]
    Empty,
    /// An answer that ends at its token limit where half of one is no use.
    #[error("the model's answer is cut off at its token limit")]
    CutOff,
    /// A connection that broke, or ended, before the answer did.
    #[error("the model's answer broke off")]
    BrokenOff,
    /// An answer that is not what the API or the schema promises.
    #[error("the model's answer is malformed")]
    Malformed,
}

impl ModelError {
    /// The type is a word of the API's own; should it ever be anything else, it is cut short.
    pub(crate) fn rejected(kind: &str) -> Self {
        Self::Rejected(kind.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(64).collect())
    }

    /// A stable code, stored with what failed.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "model_timeout",
            Self::Unreachable => "model_unreachable",
            Self::RateLimited(_) => "model_rate_limited",
            Self::Overloaded(_) => "model_overloaded",
            Self::ServerError => "model_server_error",
            Self::SpendLimit => "model_spend_limit",
            Self::Unauthorized | Self::OwnKeyRefused => "model_unauthorized",
            Self::NotAllowed => "model_not_allowed",
            Self::Rejected(_) => "model_rejected_request",
            Self::Refused => "model_refused",
            Self::Empty => "model_empty_answer",
            Self::CutOff => "model_cut_off",
            Self::BrokenOff => "model_broken_off",
            Self::Malformed => "model_malformed_answer",
        }
    }

    /// The HTTP status a caller of ours gets.
    pub fn status(&self) -> u16 {
        match self {
            Self::Timeout => 504,
            Self::RateLimited(_) | Self::Overloaded(_) | Self::SpendLimit => 503,
            Self::Unauthorized | Self::NotAllowed | Self::OwnKeyRefused => 500,
            Self::Refused => 422,
            Self::Unreachable
            | Self::ServerError
            | Self::Rejected(_)
            | Self::Empty
            | Self::CutOff
            | Self::BrokenOff
            | Self::Malformed => 502,
        }
    }

    /// Seconds after which another try may do better; `None` where waiting is not what helps.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::RateLimited(seconds) | Self::Overloaded(seconds) => Some(seconds.unwrap_or(10)),
            _ => None,
        }
    }
}

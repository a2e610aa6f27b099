//! A trained model goes into its test: the gates that a prompt goes through.

use pawl_store::training::{ModelVersion, OpenModelTest, Status, Training};

use crate::{
    deciding::elsewhere,
    host::Host,
    running::{Bench, Stop},
    wire::Worked,
};

/// Puts it into test, or says why not yet.
pub async fn begin<S: Training, H: Host>(
    bench: &Bench<'_, S, H>,
    version: &ModelVersion,
    worked: &mut Worked,
) -> Result<(), Stop> {
    let (status, reason) = match bench.store.open_model_test(bench.holder, version.id).await? {
        OpenModelTest::Closed { status } => (status, elsewhere(version, status)),
        OpenModelTest::Ok { .. } => (Status::Testing, format!("Version {} is in its test", version.version)),
        opened => match waiting(&opened) {
            Some(reason) => {
                (Status::Trained, format!("Version {} is trained; its test waits: {reason}", version.version))
            }
            None => return Err(Stop::LeaseLost),
        },
    };
    (worked.status, worked.reason) = (Some(status.code()), Some(reason));
    Ok(())
}

/// Why a test was not begun, as a code; none where the lease was lost.
pub fn waiting(opened: &OpenModelTest) -> Option<String> {
    match opened {
        OpenModelTest::Held { reason } => Some(reason.clone()),
        OpenModelTest::Ok { .. } | OpenModelTest::Closed { .. } | OpenModelTest::LeaseLost => None,
    }
}

/** What others may import from `core/live-inputs`. */
export {
  type KeyPurpose,
  type LiveInput,
  nameOf,
  RECORDING_MODES,
  type RecordingMode,
  type RecordingSettings,
  streamIdOf,
  streamKeyOf,
} from './live-input.ts'
export { type LiveInputChange, LiveInputChanges } from './live-input-changes.ts'
export {
  findByKey,
  findByStreamId,
  getLiveInput,
  listLiveInputs,
  requireLiveInput,
} from './live-input-records.ts'
export { type LiveOutput, MOST_OUTPUTS } from './live-output.ts'
export { findOutput, listOutputs, requireOutput } from './live-output-records.ts'
export {
  LIVE_REASONS,
  LIVE_STATES,
  type LiveReason,
  type LiveState,
  type LiveStatus,
  type LiveStatusHistory,
} from './live-status.ts'
export {
  findStatus,
  findStatuses,
  listOpenStatuses,
  recordErrored,
  recordStatus,
  type RecordStatusDeps,
  touchStatuses,
} from './live-status-records.ts'
export { type LiveInputFields } from './live-input-fields.ts'
export {
  createLiveInput,
  deleteLiveInput,
  editLiveInput,
  type LiveInputDeps,
  rotateKeys,
  setEnabled,
} from './manage-live-inputs.ts'
export {
  createOutput,
  deleteOutput,
  type NewOutput,
  type OutputPath,
  setOutputEnabled,
} from './manage-live-outputs.ts'
export { setNotification } from './set-notification.ts'

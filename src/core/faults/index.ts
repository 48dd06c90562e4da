/** What others may import from `core/faults`. */
export { adviceFor } from './advice.ts'
export { decoderFault, faultOfWords } from './decoder-faults.ts'
export { decoderLines } from './decoder-words.ts'
export { type Explained, explainFailure } from './explain-failure.ts'

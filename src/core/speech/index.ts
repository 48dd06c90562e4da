/** What others may import from `core/speech`. */
export { giveUpSpeech, type HearDeps, hearSound } from './hear-sound.ts'
export { type RequestDeps, requestCaptions, SPEECH_KIND } from './request-captions.ts'

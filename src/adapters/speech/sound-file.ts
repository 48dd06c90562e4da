/**
 * The `SpeechEngine` port over whatever hears a WAV file. Owns one folder per run in the work folder, `speech-<random>`;
 * what a crash left there is removed when the engine is created.
 */

import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DecoderFile, SpeechEngine } from '../../ports.ts'
import { commandEngine } from './command-engine.ts'
import type { HearFile } from './hear-file.ts'
import { httpEngine } from './http-engine.ts'

export type SpeechSettings = {
  readonly speechCommand: string | null
  readonly speechUrl: string | null
  readonly speechKey: string | null
  readonly speechModel: string
}

const COPY_BYTES = 1_048_576
const PREFIX = 'speech-'

/** The engine that the settings name; null when they name none. `environment` is that of the program. */
export async function createSpeechEngine(
  settings: SpeechSettings,
  options: { readonly workDir: string; readonly environment: Readonly<Record<string, string>> },
): Promise<SpeechEngine | null> {
  const hear = chooseEngine(settings, options.environment)
  if (hear === null) return null
  const { workDir } = options
  await mkdir(workDir, { recursive: true })
  for (const entry of await readdir(workDir)) {
    if (entry.startsWith(PREFIX)) await rm(join(workDir, entry), { recursive: true, force: true })
  }
  return {
    transcribe: async (sound, request) => {
      const folder = await mkdtemp(join(workDir, PREFIX))
      try {
        const path = join(folder, 'sound.wav')
        await copyTo(path, sound)
        return await hear(path, request)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

function chooseEngine(
  { speechCommand, speechUrl, speechKey, speechModel }: SpeechSettings,
  environment: Readonly<Record<string, string>>,
): HearFile | null {
  if (speechCommand !== null) return commandEngine(speechCommand, environment)
  if (speechUrl !== null) return httpEngine({ url: speechUrl, key: speechKey, model: speechModel })
  return null
}

async function copyTo(path: string, sound: Pick<DecoderFile, 'sizeBytes' | 'read'>): Promise<void> {
  const file = await open(path, 'wx')
  try {
    const buffer = new Uint8Array(COPY_BYTES)
    for (let position = 0; position < sound.sizeBytes; ) {
      const got = await sound.read(buffer, position)
      if (got === 0) break
      await file.writeFile(buffer.subarray(0, got))
      position += got
    }
  } finally {
    await file.close()
  }
}

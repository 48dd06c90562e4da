/**
 * What the core needs from the outside, as contracts. A port exists only where two technologies stand behind it or a
 * test must own it. Each says what a crash may leave behind and who cleans that up.
 * Those of broadcasts stand in `live-ports.ts`.
 */

/** Time and randomness. Nothing in `core` or `jobs` reads a clock or makes an id by itself. */
export interface Clock {
  /** Wall clock, microseconds since 1970-01-01 UTC (a safe integer). */
  nowUs(): number
  /** Monotonic milliseconds, for measuring. */
  monotonicMs(): number
  /** Resolves after `ms`, or at once when `signal` is aborted (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** 128 random bits as 32 lower-case hexadecimal characters. */
  newUid(): string
  /** `bytes` random bytes as unpadded base64url. */
  newSecret(bytes: number): string
}

/**
 * Makes a key pair of RSA with 2,048 bits beside the event loop, which takes a fraction of a second of processor time:
 * the private key in PKCS#1 (RFC 8017 §A.1.2) as PEM.
 */
export type NewRsaKey = () => Promise<string>

/** Path-like name of a blob, e.g. `tracks/<uid>/<rendition>/0.mp4`; made only by `core/blob-names.ts`. */
export type BlobName = string

/** What is recorded of a published blob. */
export type BlobFacts = {
  readonly name: BlobName
  readonly sizeBytes: number
  /** CRC-32 (big endian, 4 bytes) of every 4 MiB block, the last one possibly shorter; see `lib/block-checksums.ts`. */
  readonly checksums: Uint8Array
}

/** What is known of a draft's bytes before they come. */
export type DraftOptions = {
  /** Many pieces in a row, which nobody reads at once: the body of an upload. The store may write them behind. */
  readonly streamed?: boolean
}

/**
 * Bytes being written, not yet published, addressed by id. Survives a crash as whatever was synced (and perhaps more);
 * `Blobs.resumeDraft` cuts it back to what the record says. One writer at a time.
 */
export interface Draft {
  readonly id: string
  /** Bytes appended so far (those not yet synced included). */
  readonly lengthBytes: number
  /**
   * Appends in order, one call at a time; the memory of `buffers` may be used again afterwards. Throws `disk_full` when there
   * is no room: then the length is what could be written. Of a streamed draft some of it may still be to be written, and the
   * failure that meets it is told by a later call.
   */
  append(buffers: readonly Uint8Array[]): Promise<void>
  /** Returns once every appended byte is written; one that is not streamed has no others. Throws as `append` does. */
  flush(): Promise<void>
  /** Checksums of everything up to `lengthBytes`; what the record needs to resume later. */
  checksums(): Uint8Array
  /** Flushes, and returns once every appended byte is on stable storage (fdatasync). */
  sync(): Promise<void>
  /** Forgets everything from `lengthBytes` on. Only back to a multiple of 262,144 or to 0. */
  truncate(lengthBytes: number): Promise<void>
  /** Reads what has been appended, into `target`; answers the number of bytes read (short only at the end). */
  read(target: Uint8Array, position: number): Promise<number>
  /**
   * Publishes atomically under `name`: sync, rename, sync of the folder. The draft is gone afterwards; after a failure it
   * is closed, and can be resumed or discarded.
   */
  publish(name: BlobName): Promise<BlobFacts>
  /** Closes without losing anything; `resumeDraft` continues it. */
  close(): Promise<void>
  /** Removes it. */
  discard(): Promise<void>
}

/** Random access to one published blob. Safe to use from many requests at once. */
export interface BlobReader {
  readonly sizeBytes: number
  /** Fills `target` from `position`; answers the bytes read: fewer than asked only at the end of the blob. */
  read(target: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** A file on this machine that holds a blob, for programs that want a path. */
export interface LocalCopy {
  readonly path: string
  release(): Promise<void>
}

/**
 * Immutable bytes under unguessable names. A blob appears whole or not at all; the row that names it is written after
 * it, and it is deleted after the row. So a crash leaves at most drafts and blobs without a row: `core/videos/sweep.ts`
 * removes both.
 */
export interface Blobs {
  createDraft(options?: DraftOptions): Promise<Draft>
  /**
   * Reopens a draft at exactly `lengthBytes`, dropping what was written beyond. Throws `blob_damaged` if it is shorter; one
   * of which nothing was promised begins anew if it is gone.
   */
  resumeDraft(
    id: string,
    state: { lengthBytes: number; checksums: Uint8Array },
    options?: DraftOptions,
  ): Promise<Draft>
  discardDraft(id: string): Promise<void>
  /**
   * Random access to a draft that somebody is writing, as far as it has been written; `sizeBytes` is its size at this
   * moment. What was not synced may be gone after a crash. Throws `not_found` when there is none (any more).
   */
  openDraft(id: string): Promise<BlobReader>
  /** Throws `not_found` when there is no such blob. */
  open(name: BlobName): Promise<BlobReader>
  /**
   * A blob front to back as it lies in the store at this moment, past every file that is kept open: for whoever checks
   * it. A piece is valid until the next one is asked for. Throws `not_found` when there is none, and `blob_damaged` when
   * the store cannot read it any more.
   */
  reread(name: BlobName): AsyncIterable<Uint8Array>
  /**
   * Deleting what is not there is fine. With `publishedBeforeUs` only what was published before that time goes: a blob of
   * the same name that is published meanwhile stays, at whatever instant that happens.
   */
  delete(name: BlobName, options?: { readonly publishedBeforeUs?: number }): Promise<void>
  list(prefix: string): AsyncIterable<{ name: BlobName; sizeBytes: number; modifiedUs: number }>
  listDrafts(): AsyncIterable<{ id: string; sizeBytes: number; modifiedUs: number }>
  /** What lies in the store under names that we never make, so that it is neither blob nor draft; told, never touched. */
  listForeign(): AsyncIterable<{ path: string; sizeBytes: number }>
  /** Room left for new bytes; `undefined` where the store has no limit that can be asked. */
  freeBytes(): Promise<number | undefined>
  /** A local file with the blob's bytes; a folder answers with its own file, a remote store with a copy. */
  materialize(name: BlobName): Promise<LocalCopy>
  /** The same for a draft, as far as it has been written. */
  materializeDraft(id: string): Promise<LocalCopy>
}

/** What this decoder build is and can do; found once at start. */
export type DecoderBuild = {
  /** Stable text that names the build, e.g. `ffmpeg 5.1.9-0+deb12u1`; renditions never mix two of them. */
  readonly id: string
  readonly version: string
  readonly path: string
  readonly encoders: ReadonlySet<string>
  readonly filters: ReadonlySet<string>
}

/** Where the decoder's input comes from: bytes piped to its standard input, or a blob that it may seek in. */
export type DecoderInput =
  | { readonly from: 'pipe'; readonly bytes: AsyncIterable<Uint8Array> }
  | { readonly from: 'blob'; readonly name: BlobName }
  | { readonly from: 'nothing' }

/** One run of the decoder. */
export type DecoderTask = {
  /** For the log, e.g. `chunk 4 of <uid>`. */
  readonly label: string
  readonly input: DecoderInput
  /** Further blobs it reads: each is written as the element `{name}` of its name here. */
  readonly files?: Readonly<Record<string, BlobName>>
  /**
   * The argument list without the program and without the common guard flags. The input is written as the single
   * element `{input}` (replaced by `pipe:0` or a path); outputs are plain file names from `outputs`, relative to the
   * run's own empty folder. Every `-i` has its demuxer pinned by an `-f` before it.
   */
  readonly args: readonly string[]
  /** Files the run makes; all must exist afterwards, else the run failed. */
  readonly outputs: readonly string[]
  readonly limits: {
    readonly wallMs: number
    /** Without progress; the adapter's own where it is absent. */
    readonly stallMs?: number
    readonly cpuSeconds: number
    readonly outputBytes: number
    readonly memoryBytes: number
  }
  /** Niceness, 0 (a viewer waits) to 19. */
  readonly nice: number
  /** Keep what the decoder reports about the file (up to 256 KiB) in `stderr`, for reading facts of a source. */
  readonly verbose?: boolean
}

/** Numbers from the decoder's progress report. */
export type DecoderProgress = { readonly frames: number; readonly outTimeUs: number }

/** One finished output; valid until the run is released. */
export interface DecoderFile {
  readonly name: string
  readonly sizeBytes: number
  read(target: Uint8Array, position: number): Promise<number>
}

/** What a run gave. `release()` removes its folder and everything in it. */
export interface DecoderRun {
  readonly files: ReadonlyMap<string, DecoderFile>
  /** Last lines the decoder said, at most 8 KiB, paths of this machine removed. */
  readonly stderr: string
  release(): Promise<void>
}

export type DecoderOptions = {
  readonly signal: AbortSignal
  readonly onProgress?: (progress: DecoderProgress) => void
  /** Called when an output has grown, with what is there so far; lets a viewer's segment leave before the run ends. */
  readonly onGrowth?: (file: DecoderFile) => Promise<void>
}

/**
 * Runs the caged ffmpeg. A crash of the server kills its runs with it; what they left in their folders is removed at
 * the next start.
 */
export interface Decoder {
  readonly build: DecoderBuild
  /** Throws `decoder_failed` (facts: `exitCode`, `stderr`, `reason`), `disk_full`, or the abort reason. */
  run(task: DecoderTask, options: DecoderOptions): Promise<DecoderRun>
}

/** A run of the decoder that goes on for as long as a broadcast does: fed by a pipe, read by pipes, and nothing on disk. */
export type LiveTask = {
  /** For the log, e.g. `sound of <uid>`. */
  readonly label: string
  /** As those of a `DecoderTask`; outputs are written as the single element `{name}` of a name in `outputs`. */
  readonly args: readonly string[]
  readonly outputs: readonly string[]
  readonly memoryBytes: number
  /** Input that waits to be taken; beyond it `write` refuses. */
  readonly queueBytes: number
  /** Niceness, 0 to 19. */
  readonly nice: number
}

/** One life of such a run. */
export interface LiveRun {
  /** Hands it input without waiting. False: too much is waiting already, and nothing of this was taken. */
  write(bytes: Uint8Array): boolean
  /** What it writes, by output. Each is to be read, or the run stands still. They end when it does, and never throw. */
  readonly outputs: ReadonlyMap<string, AsyncIterable<Uint8Array>>
  /** No more input will come: it writes what it has left, and ends. */
  finish(): void
  /** Ends it at once and for good. */
  close(): Promise<void>
  /**
   * Settles when nothing of it is left: undefined after `finish` and `close`, else `decoder_failed` with its last words
   * (facts: `exitCode`, `reason`, `stderr`).
   */
  readonly ended: Promise<Error | undefined>
}

/**
 * Runs the caged ffmpeg on a stream. Ended with `decoder_failed` when it is fed and gives nothing for a while. A crash of
 * the server kills its runs with it and leaves empty folders, which are removed at the next start.
 */
export interface LiveDecoder {
  readonly build: DecoderBuild
  /** Throws `decoder_missing` when it cannot be started. */
  open(task: LiveTask): Promise<LiveRun>
}

/**
 * Work beside the event loop, for what takes longer than a few milliseconds: reading the index of a two-hour file takes
 * 0.2 s of processor time. One piece at a time, in the order asked. What it can do is put together in `commands/`; a
 * capability gives it a typed face (`core/ingest/planner.ts`).
 */
export interface Thread {
  /**
   * Runs `work` on `input`, which is copied, and on the bytes of `blob` or `draft`. Throws what the work throws,
   * `not_found` when there is no such blob, and `index_too_slow` or `index_unreadable` when it takes longer or more memory than any honest file needs.
   */
  run(
    work: string,
    input: unknown,
    options?: { readonly blob?: BlobName; readonly draft?: string },
  ): Promise<unknown>
  stop(): Promise<void>
}

/** Recognition of speech, by a program or a server that the operator chose. A crash may leave a copy of the sound. */
export interface SpeechEngine {
  /**
   * WebVTT of what is said in a WAV file (mono, 16 kHz), at most 10 MiB and not yet checked. `language` is the spoken one,
   * without a region. Throws `speech_failed` or the abort reason.
   */
  transcribe(
    sound: Pick<DecoderFile, 'sizeBytes' | 'read'>,
    options: { readonly language: string; readonly signal: AbortSignal },
  ): Promise<Uint8Array>
}

/** One question to another machine. */
export type FetchRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** http or https. User info is sent as Basic authentication, to this host only, and never told to anybody else. */
  readonly url: string
  /** Names in lower case; they follow redirects to other hosts, so nothing secret may be among them. */
  readonly headers?: Readonly<Record<string, string>>
  /** What a `POST` sends. */
  readonly body?: Uint8Array
  /** A body of more bytes is not read to its end. */
  readonly maxBytes: number
}

/** The answer whose headers have come. Either its body is read, or it is discarded. */
export interface FetchedAnswer {
  readonly status: number
  /** Names in lower case; of a header that may come several times, nothing. */
  readonly headers: Readonly<Record<string, string>>
  /** Host (and port) that answered, after redirects; fit to be shown. */
  readonly host: string
  /**
   * The bytes as they were sent, never decompressed. To be read once; leaving off closes the connection. Throws
   * `fetch_failed` when it breaks off, stands still or grows too large, or the abort reason.
   */
  readonly body: AsyncIterable<Uint8Array>
  discard(): void
}

/**
 * The one way out to addresses that strangers name. Every host is resolved once, every address it has is checked, and
 * only a checked one is connected to; so is every redirect's. A crash leaves nothing.
 */
export interface Fetcher {
  /**
   * Sends a question, follows up to five redirects (of a `POST` none), and answers with whatever status comes. Throws
   * `fetch_refused` for what may not be asked, `fetch_failed` (fact `mayPass`: whether it is worth another try), or the abort reason.
   */
  fetch(request: FetchRequest, options: { signal: AbortSignal }): Promise<FetchedAnswer>
  /**
   * The addresses a host may be reached at, for what is not HTTP: connect to one of these and never resolve again.
   * Throws as `fetch` does.
   */
  findAddresses(host: string, options: { signal: AbortSignal }): Promise<readonly string[]>
}

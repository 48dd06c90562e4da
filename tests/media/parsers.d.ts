/** The little that the tests use of readers that come without types. */

declare module 'm3u8-parser' {
  export class Parser {
    push(text: string): void
    end(): void
    readonly manifest: {
      readonly version: number
      readonly independentSegments?: boolean
      readonly endList?: boolean
      readonly playlistType?: string
      readonly targetDuration?: number
      readonly segments: readonly {
        readonly duration: number
        readonly uri: string
        readonly map?: { uri: string }
      }[]
      readonly playlists?: readonly {
        readonly uri: string
        readonly attributes: Readonly<Record<string, unknown>>
      }[]
      readonly mediaGroups?: { readonly AUDIO: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
    }
  }
}

declare module 'mpd-parser' {
  export function parse(
    text: string,
    options: { readonly manifestUri: string },
  ): {
    readonly duration: number
    readonly playlists: readonly {
      readonly attributes: Readonly<Record<string, unknown>>
      readonly segments: readonly {
        readonly duration: number
        readonly presentationTime: number
        readonly resolvedUri: string
        readonly map: { readonly resolvedUri: string }
      }[]
    }[]
    readonly mediaGroups: { readonly AUDIO: MediaGroup; readonly SUBTITLES: MediaGroup }
  }

  type MediaGroup = Readonly<Record<string, Readonly<Record<string, MediaGroupTrack>>>>

  type MediaGroupTrack = {
    readonly language: string
    readonly playlists: readonly {
      readonly segments: readonly { readonly presentationTime: number; readonly resolvedUri: string }[]
    }[]
  }
}

/** The library: what the dashboard asks the API for, and how often. */

import {
  type InfiniteData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type { PageStatus } from '../../../src/http/page-status.ts'
import type { PresentedVideo } from '../../../src/http/present-video.ts'
import { useAccountId } from '../session-gate.tsx'
import { request } from './client.ts'

export type ApiVideo = PresentedVideo

/** One thing that happened to a video. */
export type VideoEvent = {
  readonly at: string
  readonly kind: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** One quality or the sound, and how much of it is finished. */
export type Rendition = {
  readonly id: string
  readonly kind: 'video' | 'audio'
  readonly name: string
  readonly width?: number
  readonly height?: number
  readonly bitrate: number
  readonly codec: string
  readonly passthrough: boolean
  readonly segments: number
  readonly segmentsReady: number
}

export type VideoProgress = {
  readonly complete: boolean
  readonly events: readonly VideoEvent[]
  readonly renditions: readonly Rendition[]
}

/** Entries per page of the library. */
const PAGE = 24
const BUSY_MS = 1_500
const QUIET_MS = 20_000

/** Address of the account's videos. */
export function streamPath(accountId: string): string {
  return `/client/v4/accounts/${accountId}/stream`
}

/** 0–100. */
export function progressOf(video: ApiVideo): number {
  return Math.min(100, Math.max(0, Number(video.status.pctComplete ?? 0)))
}

/** Whether nothing more will change by itself. */
export function isSettled(video: ApiVideo): boolean {
  const { state } = video.status
  return (
    state === 'error' ||
    (state === 'ready' && (video.status.pctComplete === undefined || progressOf(video) >= 100))
  )
}

/** Name to show of a video or live input: what the customer called it, else its id. */
export function nameOf({ meta, uid }: Pick<ApiVideo, 'meta' | 'uid'>): string {
  const name = meta['name']
  return typeof name === 'string' && name.trim() !== '' ? name : uid
}

/** The library, newest first, page by page; asks again often while something in it is being made. */
export function useLibrary(search: string) {
  const accountId = useAccountId()
  return useInfiniteQuery({
    queryKey: ['videos', accountId, search],
    queryFn: ({ pageParam }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (search !== '') query.set('search', search)
      if (pageParam !== null) query.set('end', pageParam)
      return request<ApiVideo[]>(`${streamPath(accountId)}?${query.toString()}`)
    },
    initialPageParam: null as string | null,
    // The cursor is the last entry's time; `created` is unique in an account.
    getNextPageParam: (page: ApiVideo[]) => (page.length < PAGE ? null : (page.at(-1)?.created ?? null)),
    refetchInterval: (query) => (hasUnsettled(query.state.data) ? BUSY_MS : QUIET_MS),
    placeholderData: (previous) => previous,
  })
}

function hasUnsettled(data: InfiniteData<ApiVideo[]> | undefined): boolean {
  return data?.pages.some((page) => page.some((video) => !isSettled(video))) ?? false
}

/** One video, followed until it is settled. */
export function useVideo(uid: string) {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['video', accountId, uid],
    queryFn: () => request<ApiVideo>(`${streamPath(accountId)}/${uid}`),
    refetchInterval: ({ state }) => (state.data && isSettled(state.data) ? false : 1_000),
  })
}

/** A token is good for an hour; a page that is opened later gets another. One that is open keeps what it plays. */
const TOKEN_FRESH_MS = 30 * 60_000

/** What a video or live input plays by: its uid, or a token in place of it where it is protected; undefined until that has come. */
export function usePlaybackId(video: Pick<ApiVideo, 'uid' | 'requireSignedURLs'>): string | undefined {
  const accountId = useAccountId()
  const { data } = useQuery({
    queryKey: ['token', accountId, video.uid],
    queryFn: () =>
      request<{ token: string }>(`${streamPath(accountId)}/${video.uid}/token`, {
        method: 'POST',
        body: { downloadable: true },
      }),
    enabled: video.requireSignedURLs,
    staleTime: TOKEN_FRESH_MS,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })
  return video.requireSignedURLs ? data?.token : video.uid
}

/**
 * What happened to a video and how far its renditions are; followed until that itself says that it is over, since the
 * video may settle after this was last read.
 */
export function useVideoProgress(uid: string) {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['progress', accountId, uid],
    queryFn: () => request<VideoProgress>(`/client/v4/accounts/${accountId}/headwater/videos/${uid}/events`),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : 1_000),
  })
}

function isOver({ complete, events }: VideoProgress): boolean {
  const outcome = events.findLast(({ kind }) => kind === 'error' || kind === 'retried')
  return complete || outcome?.kind === 'error'
}

/** Whether a video plays although its upload is still running; asked while `active`, until it does. */
export function usePlaysEarly(uid: string | null, active: boolean): boolean {
  const { data } = useQuery({
    queryKey: ['status', uid],
    queryFn: async () => {
      const response = await fetch(`/${uid}/headwater/status.json`)
      return response.ok && ((await response.json()) as PageStatus).playable
    },
    enabled: uid !== null && active,
    refetchInterval: ({ state }) => (state.data === true ? false : 1_000),
  })
  return data === true
}

export function useRenameVideo(video: ApiVideo) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    // `meta` is replaced as a whole, so everything else in it is sent back.
    mutationFn: (name: string) =>
      request<ApiVideo>(`${streamPath(accountId)}/${video.uid}`, {
        method: 'POST',
        body: { meta: { ...video.meta, name } },
      }),
    onSuccess: async (changed) => {
      queries.setQueryData(['video', accountId, video.uid], changed)
      await Promise.all([
        queries.invalidateQueries({ queryKey: ['videos', accountId] }),
        queries.invalidateQueries({ queryKey: ['progress', accountId, video.uid] }),
      ])
    },
  })
}

/** The file of a video that can be downloaded. */
export type DownloadFile = {
  readonly status: 'inprogress' | 'ready' | 'error'
  readonly percentComplete: number
}

/** The MP4 of a video, if it was asked for, followed until it is there; and how to ask. */
export function useDownload(video: ApiVideo) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  const path = `${streamPath(accountId)}/${video.uid}/downloads`
  const queryKey = ['downloads', accountId, video.uid]
  const { data } = useQuery({
    queryKey,
    queryFn: () => request<{ default?: DownloadFile }>(path),
    refetchInterval: ({ state }) => (state.data?.default?.status === 'inprogress' ? 1_000 : false),
  })
  const ask = useMutation({
    mutationFn: () => request<{ default?: DownloadFile }>(path, { method: 'POST' }),
    onSuccess: (files) => queries.setQueryData(queryKey, files),
  })
  return { file: data?.default, ask }
}

/** Has a failed video processed again. */
export function useRetryVideo(uid: string) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () =>
      request<ApiVideo>(`/client/v4/accounts/${accountId}/headwater/videos/${uid}/retry`, { method: 'POST' }),
    onSuccess: async (queued) => {
      queries.setQueryData(['video', accountId, uid], queued)
      await Promise.all([
        queries.invalidateQueries({ queryKey: ['video', accountId, uid] }),
        queries.invalidateQueries({ queryKey: ['videos', accountId] }),
        queries.invalidateQueries({ queryKey: ['progress', accountId, uid] }),
      ])
    },
  })
}

export function useDeleteVideo(uid: string) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => request(`${streamPath(accountId)}/${uid}`, { method: 'DELETE' }),
    onSuccess: async () => {
      queries.removeQueries({ queryKey: ['video', accountId, uid] })
      await queries.invalidateQueries({ queryKey: ['videos', accountId] })
    },
  })
}

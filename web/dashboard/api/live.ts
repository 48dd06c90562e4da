/** Live inputs: what the dashboard asks the API for, and how often. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { PresentedOutput } from '../../../src/http/api/live-outputs.ts'
import type { ListedInput, PresentedInput } from '../../../src/http/present-live-input.ts'
import { useAccountId } from '../session-gate.tsx'
import { request } from './client.ts'
import { type ApiVideo, streamPath } from './videos.ts'

export type { ListedInput } from '../../../src/http/present-live-input.ts'
export type LiveInput = PresentedInput
export type LiveOutput = PresentedOutput
export type LiveStatus = LiveInput['status']

/** How often something is asked for that may begin or end at any time. */
const LIVE_MS = 2_000
const LIST_MS = 10_000

/** `/<uid>/lifecycle`. */
export type Lifecycle = {
  readonly live: boolean
  readonly status: 'connected' | 'reconnecting' | 'disconnected'
}

/** Inputs of the account, newest first. */
export function useInputs() {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['inputs', accountId],
    queryFn: async () => {
      const answer = await request<ListedInput[] | { liveInputs: ListedInput[] }>(inputsPath(accountId))
      // Either way, as the operator has set it.
      return Array.isArray(answer) ? answer : answer.liveInputs
    },
    refetchInterval: LIST_MS,
  })
}

/** Whether an input is live at this moment. */
export function useLifecycle(uid: string): Lifecycle | undefined {
  const { data } = useQuery({
    queryKey: ['lifecycle', uid],
    queryFn: async () => {
      const response = await fetch(`/${uid}/lifecycle`)
      if (!response.ok) throw new Error('The server does not tell whether it is live.')
      return (await response.json()) as Lifecycle
    },
    refetchInterval: LIVE_MS,
  })
  return data
}

/** One input with its keys and its status, followed. */
export function useInput(uid: string) {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['input', accountId, uid],
    queryFn: () => request<LiveInput>(`${inputsPath(accountId)}/${uid}`),
    refetchInterval: LIVE_MS,
  })
}

/** What was broadcast to an input, newest first. */
export function useRecordings(uid: string) {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['recordings', accountId, uid],
    queryFn: () => request<ApiVideo[]>(`${inputsPath(accountId)}/${uid}/videos`),
    refetchInterval: LIVE_MS,
  })
}

/** Outputs of an input, followed. */
export function useOutputs(uid: string) {
  const accountId = useAccountId()
  return useQuery({
    queryKey: ['outputs', accountId, uid],
    queryFn: () => request<LiveOutput[]>(`${inputsPath(accountId)}/${uid}/outputs`),
    refetchInterval: LIVE_MS,
  })
}

/** What can be asked for at the creation. */
export type NewInput = { readonly name: string; readonly record: boolean; readonly lowLatency: boolean }

export function useCreateInput() {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ name, record, lowLatency }: NewInput) =>
      request<LiveInput>(inputsPath(accountId), {
        method: 'POST',
        body: {
          meta: { name },
          recording: { mode: record ? 'automatic' : 'off' },
          preferLowLatency: lowLatency,
        },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['inputs', accountId] }),
  })
}

/** What is done to one input; each answers it as it is then. */
export function useChangeInput(uid: string) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (action: 'enable' | 'disable' | 'rotate_keys') =>
      request<LiveInput>(`${inputsPath(accountId)}/${uid}/${action}`, { method: 'POST' }),
    onSuccess: async (input) => {
      queries.setQueryData(['input', accountId, uid], input)
      await queries.invalidateQueries({ queryKey: ['inputs', accountId] })
    },
  })
}

export function useDeleteInput(uid: string) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => request(`${inputsPath(accountId)}/${uid}`, { method: 'DELETE' }),
    onSuccess: async () => {
      queries.removeQueries({ queryKey: ['input', accountId, uid] })
      await queries.invalidateQueries({ queryKey: ['inputs', accountId] })
    },
  })
}

/** Adding, switching and removing outputs. */
export function useChangeOutputs(uid: string) {
  const accountId = useAccountId()
  const queries = useQueryClient()
  const path = `${inputsPath(accountId)}/${uid}/outputs`
  const onSuccess = () => queries.invalidateQueries({ queryKey: ['outputs', accountId, uid] })
  return {
    add: useMutation({
      mutationFn: (body: { url: string; streamKey: string }) => request(path, { method: 'POST', body }),
      onSuccess,
    }),
    switchTo: useMutation({
      mutationFn: ({ output, enabled }: { output: string; enabled: boolean }) =>
        request(`${path}/${output}`, { method: 'PUT', body: { enabled } }),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: (output: string) => request(`${path}/${output}`, { method: 'DELETE' }),
      onSuccess,
    }),
  }
}

function inputsPath(accountId: string): string {
  return `${streamPath(accountId)}/live_inputs`
}

/** Makes the uploads known to all pages below; they go on while one moves between them. */

import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { type UploadItem, Uploads } from './uploads.ts'

const UploadsContext = createContext<Uploads | null>(null)

export function UploadsProvider({ accountId, children }: { accountId: string; children: ReactNode }) {
  const queries = useQueryClient()
  const [uploads] = useState(
    () => new Uploads(accountId, () => void queries.invalidateQueries({ queryKey: ['videos', accountId] })),
  )
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (uploads.isBusy) event.preventDefault()
    }
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [uploads])
  return <UploadsContext value={uploads}>{children}</UploadsContext>
}

/** The uploads and what they are now. */
export function useUploads(): { uploads: Uploads; items: readonly UploadItem[] } {
  const uploads = useContext(UploadsContext)
  if (uploads === null) throw new Error('There are no uploads here.')
  return { uploads, items: useSyncExternalStore(uploads.subscribe, uploads.list) }
}

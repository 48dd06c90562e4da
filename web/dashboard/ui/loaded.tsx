import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError, describeError } from '../api/client.ts'
import { Button } from './button.tsx'
import { NotFound } from './not-found.tsx'
import { Splash } from './splash.tsx'

type Props<T> = {
  query: UseQueryResult<T>
  /** What is read, as in “… could not be read”. */
  what: string
  children: (data: T) => ReactNode
}

/** A page about something that is read first: until it is there the page waits, or says why it has nothing to show. */
export function Loaded<T>({ query, what, children }: Props<T>) {
  const { data, error, refetch } = query
  if (data !== undefined) return children(data)
  if (error === null) return <Splash />
  if (error instanceof ApiError && error.status === 404) return <NotFound />
  return (
    <Splash title={`${what} could not be read`} sentence={describeError(error)}>
      <Button onClick={() => void refetch()}>Try again</Button>
    </Splash>
  )
}

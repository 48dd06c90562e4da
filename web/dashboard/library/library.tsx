/** Everything there is, newest first, with a search box. */

import { useNavigate, useSearch } from '@tanstack/react-router'
import { Clapperboard, Search, SearchX } from 'lucide-react'
import { type ReactNode, useDeferredValue, useEffect, useState } from 'react'
import { describeError } from '../api/client.ts'
import { useLibrary } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'
import { useUploads } from '../uploads/uploads-context.tsx'
import { VideoCard } from './video-card.tsx'

const GRID = 'grid grid-cols-1 gap-x-5 gap-y-8 sm:grid-cols-2 lg:grid-cols-3'
const TYPING_MS = 250

export function Library() {
  const { q = '' } = useSearch({ from: '/' })
  const search = useDeferredValue(q)
  const library = useLibrary(search)
  const { items } = useUploads()
  // What is on its way from this page stands above already.
  const arriving = new Set(items.filter((item) => item.state !== 'done').map((item) => item.uid))
  const videos = (library.data?.pages.flat() ?? []).filter((video) => !arriving.has(video.uid))
  return (
    <section aria-label="Library" className="mt-12">
      <div className="mb-6 flex flex-wrap items-center justify-between gap-4">
        <h2 className="text-xl font-semibold tracking-tight">Library</h2>
        <SearchBox value={q} />
      </div>
      {library.isPending ? (
        <Skeletons />
      ) : library.isError && videos.length === 0 ? (
        <Empty
          icon={<SearchX className="size-7" />}
          title="The library could not be read"
          sentence={describeError(library.error)}
        >
          <Button kind="plain" onClick={() => void library.refetch()}>
            Try again
          </Button>
        </Empty>
      ) : videos.length === 0 && search !== '' ? (
        <Empty
          icon={<SearchX className="size-7" />}
          title={`Nothing is called “${search}”`}
          sentence="The search looks for a part of the name, in capitals or not."
        />
      ) : videos.length === 0 ? (
        <Empty
          icon={<Clapperboard className="size-7" />}
          title="No videos yet"
          sentence="Drop one above. It appears here, with its picture, the moment it can be watched."
        />
      ) : (
        <>
          <ul className={GRID}>
            {videos.map((video) => (
              <li key={video.uid}>
                <VideoCard video={video} />
              </li>
            ))}
          </ul>
          {library.hasNextPage && (
            <div className="mt-10 text-center">
              <Button
                kind="plain"
                busy={library.isFetchingNextPage}
                onClick={() => void library.fetchNextPage()}
              >
                Show more
              </Button>
            </div>
          )}
        </>
      )}
    </section>
  )
}

/** Writes what is typed into the address, a moment after the last key. */
function SearchBox({ value }: { value: string }) {
  const navigate = useNavigate()
  const [typed, setTyped] = useState(value)
  useEffect(() => {
    const wanted = typed.trim()
    if (wanted === value) return undefined
    const timer = setTimeout(() => {
      void navigate({
        to: '/',
        search: wanted === '' ? {} : { q: wanted },
        replace: true,
        resetScroll: false,
      })
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed, value, navigate])
  return (
    <div className="relative w-full sm:w-72" role="search">
      <Search aria-hidden className="pointer-events-none absolute top-3 left-3 size-4 text-muted" />
      <input
        type="search"
        aria-label="Search by name"
        placeholder="Search by name"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        className="field w-full bg-surface! pl-9!"
      />
    </div>
  )
}

type EmptyProps = { icon: ReactNode; title: string; sentence: string; children?: ReactNode }

function Empty({ icon, title, sentence, children }: EmptyProps) {
  return (
    <div className="rounded-2xl border border-line bg-surface px-6 py-16 text-center">
      <span aria-hidden className="mx-auto grid size-14 place-items-center rounded-2xl bg-raised text-muted">
        {icon}
      </span>
      <h3 className="mt-5 font-semibold tracking-tight">{title}</h3>
      <p className="mx-auto mt-1.5 mb-5 max-w-sm text-sm leading-relaxed text-muted">{sentence}</p>
      {children}
    </div>
  )
}

function Skeletons() {
  return (
    <div className={GRID} role="status" aria-label="Loading the library">
      {[1, 2, 3, 4, 5, 6].map((each) => (
        <div key={each} className="animate-pulse">
          <div className="aspect-video rounded-xl bg-raised" />
          <div className="mt-3 h-4 w-3/4 rounded bg-raised" />
          <div className="mt-2 h-3 w-1/3 rounded bg-raised" />
        </div>
      ))}
    </div>
  )
}

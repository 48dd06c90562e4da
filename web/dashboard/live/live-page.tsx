/** All live inputs, newest first. */

import { Link } from '@tanstack/react-router'
import { Radio } from 'lucide-react'
import { type ListedInput, useInputs, useLifecycle } from '../api/live.ts'
import { nameOf } from '../api/videos.ts'
import { formatAgo, formatDateTime } from '../format.ts'
import { Loaded } from '../ui/loaded.tsx'
import { CreateInput } from './create-input.tsx'
import { LiveBadge } from './live-badge.tsx'

export function LivePage() {
  return (
    <Loaded query={useInputs()} what="The live inputs">
      {(inputs) => <Inputs inputs={inputs} />}
    </Loaded>
  )
}

function Inputs({ inputs }: { inputs: readonly ListedInput[] }) {
  return (
    <section aria-labelledby="live">
      <title>Live – Headwater</title>
      <div className="mb-6 flex flex-wrap items-center justify-between gap-4">
        <div>
          <h1 id="live" className="text-xl font-semibold tracking-tight">
            Live inputs
          </h1>
          <p className="mt-1 text-sm text-muted">
            An address for OBS or a browser, and a player that shows what comes in.
          </p>
        </div>
        {inputs.length > 0 && <CreateInput />}
      </div>
      {inputs.length === 0 ? (
        <Empty />
      ) : (
        <ul className="overflow-hidden rounded-2xl border border-line bg-surface">
          {inputs.map((input) => (
            <li key={input.uid} className="border-line not-first:border-t">
              <Row input={input} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Row({ input }: { input: ListedInput }) {
  const lifecycle = useLifecycle(input.uid)
  return (
    <Link
      to="/live/$uid"
      params={{ uid: input.uid }}
      className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 px-5 py-4 -outline-offset-2 hover:bg-raised"
    >
      <div className="min-w-0">
        <h2 className="text-sm font-medium break-words">{nameOf(input)}</h2>
        <p className="mt-1 text-xs text-muted">
          Made{' '}
          <time dateTime={input.created} title={formatDateTime(input.created)}>
            {formatAgo(input.created)}
          </time>
        </p>
      </div>
      <LiveBadge enabled={input.enabled} lifecycle={lifecycle} />
    </Link>
  )
}

function Empty() {
  return (
    <div className="rounded-2xl border border-line bg-surface px-6 py-16 text-center">
      <span aria-hidden className="mx-auto grid size-14 place-items-center rounded-2xl bg-raised text-muted">
        <Radio className="size-7" />
      </span>
      <h2 className="mt-5 font-semibold tracking-tight">No live inputs yet</h2>
      <p className="mx-auto mt-1.5 mb-5 max-w-sm text-sm leading-relaxed text-muted">
        Make one, paste its address and key into OBS, and what you send can be watched within seconds.
      </p>
      <CreateInput />
    </div>
  )
}

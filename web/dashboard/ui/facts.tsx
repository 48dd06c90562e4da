/** Names and values, one below the other, and an id at the end. */
export function Facts({ facts, id }: { facts: readonly (readonly [string, string])[]; id: string }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2.5 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="text-right tabular-nums">{value}</dd>
        </div>
      ))}
      <dt className="text-muted">Id</dt>
      <dd className="truncate text-right font-mono text-xs leading-5" title={id}>
        {id}
      </dd>
    </dl>
  )
}

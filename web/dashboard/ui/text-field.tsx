import type { ComponentProps, ReactNode } from 'react'

type Props = Omit<ComponentProps<'input'>, 'id' | 'onChange'> & {
  id: string
  label: ReactNode
  onChange: (text: string) => void
}

/** One line of text in a form, below its label. */
export function TextField({ id, label, onChange, ...input }: Props) {
  return (
    <>
      <label htmlFor={id} className="mt-4 block text-sm font-medium">
        {label}
      </label>
      <input
        id={id}
        {...input}
        onChange={(event) => onChange(event.target.value)}
        className="field mt-2 w-full"
      />
    </>
  )
}

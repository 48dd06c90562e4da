/** Entry of the dashboard. */

import './app.css'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/client.ts'
import { takeSignInCode } from './api/session.ts'
import { createDashboardRouter } from './router.tsx'
import { forgetSession, SessionGate } from './session-gate.tsx'

/** A refusal stays a refusal; only what may have been an accident is asked again. */
function mayRetry(failures: number, error: Error): boolean {
  return failures < 3 && !(error instanceof ApiError && error.status < 500)
}

const place = document.querySelector('#root')
if (!place) throw new Error('The page has no #root.')
// Taken before anything else runs, so that the code is in no address for longer than it must.
const code = takeSignInCode()
const queries: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry: mayRetry } },
  queryCache: new QueryCache({
    onError: (error) => {
      // The session has ended, here or on the server.
      if (error instanceof ApiError && error.status === 401) forgetSession(queries)
    },
  }),
})
const router = createDashboardRouter()

createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SessionGate code={code}>
        <RouterProvider router={router} />
      </SessionGate>
    </QueryClientProvider>
  </StrictMode>,
)

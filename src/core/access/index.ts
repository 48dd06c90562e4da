/** What others may import from `core/access`. */
export { checkAllowedOrigins } from './allowed-origins.ts'
export {
  type Account,
  accountExists,
  changeAccount,
  createAccount,
  keepAccount,
  listAccounts,
  requireAccount,
} from './account.ts'
export {
  type ApiToken,
  createApiToken,
  listApiTokens,
  type Principal,
  revokeApiToken,
  verifyApiToken,
} from './api-token.ts'
export { createSession, endSession, SESSION_SECONDS, SignInCodes, verifySession } from './session.ts'

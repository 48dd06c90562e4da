/** What others may import from `core/protection`. */
export { isAllowed, parseAccessRules, parseCountry, type AccessRule, type Viewer } from './access-rules.ts'
export { type CreatedKey, createSigningKey, type KeyDeps, OwnKeys } from './create-key.ts'
export { createToken, type CreateTokenDeps, type TokenRequest } from './create-token.ts'
export { deleteSigningKey, listSigningKeys, type SigningKey } from './signing-key-records.ts'
export { badToken, expiredToken, isTokenLike } from './token.ts'
export { type GoodToken, Tokens } from './verify-token.ts'

import { ApiError } from './client'

/** Whatever was thrown, as something with a message to show. */
export const asApiError = (reason: unknown): ApiError =>
  reason instanceof ApiError ? reason : new ApiError(0, 'unexpected', String(reason))

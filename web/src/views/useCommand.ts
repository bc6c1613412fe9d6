import { ref, shallowRef } from 'vue'
import type { ApiError } from '@/api/client'
import { asApiError } from '@/api/errors'

/** One command to the server at a time, and what became of it. */
export function useCommand() {
  const isBusy = ref(false)
  const error = shallowRef<ApiError | null>(null)

  /** True when it worked. */
  async function run(command: () => Promise<void>): Promise<boolean> {
    if (isBusy.value) return false
    isBusy.value = true
    error.value = null
    try {
      await command()
      return true
    } catch (reason) {
      error.value = asApiError(reason)
      return false
    } finally {
      isBusy.value = false
    }
  }
  return { isBusy, error, run }
}

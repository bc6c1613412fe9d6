import { describe, expect, it } from 'vitest'
import { effectScope } from 'vue'
import { ApiError } from '@/api/client'
import { useFeed, type FeedPage } from '@/views/useFeed'

type Answer = (page: FeedPage<string>) => void

function feed() {
  const asked: { cursor: string | null; answer: Answer; fail: (error: unknown) => void }[] = []
  const fetchPage = (cursor: string | null) =>
    new Promise<FeedPage<string>>((answer, fail) => void asked.push({ cursor, answer, fail }))
  const own = effectScope().run(() => useFeed<string>({ fetchPage, idOf: (item) => item }))!
  return { ...own, asked }
}

describe('a feed', () => {
  it('grows at both ends, and holds each item once', async () => {
    const { items, total, asked, reload, loadMore, put, hasMore } = feed()
    const first = reload()
    asked[0]!.answer({ items: ['c', 'b'], nextCursor: 'x', total: 3 })
    await first
    put('d')
    put('c')
    const second = loadMore()
    asked[1]!.answer({ items: ['b', 'a'], nextCursor: null })
    await second
    expect(asked[1]!.cursor).toBe('x')
    expect(items.value).toEqual(['d', 'c', 'b', 'a'])
    expect(total.value).toBe(4)
    expect(hasMore.value).toBe(false)
  })

  it('keeps what came live while the first page was on its way', async () => {
    const { items, asked, reload, put } = feed()
    const first = reload()
    put('live')
    asked[0]!.answer({ items: ['b', 'a'], nextCursor: null })
    await first
    expect(items.value).toEqual(['live', 'b', 'a'])
  })

  it('takes no answer to an older question', async () => {
    const { items, asked, reload } = feed()
    const old = reload()
    const fresh = reload()
    asked[1]!.answer({ items: ['new'], nextCursor: null })
    await fresh
    asked[0]!.answer({ items: ['old'], nextCursor: null })
    await old
    expect(items.value).toEqual(['new'])
  })

  it('tells what went wrong and keeps what it had', async () => {
    const { items, error, isLoading, asked, reload, put } = feed()
    put('a')
    const first = reload()
    asked[0]!.fail(new ApiError(503, 'unavailable', 'busy'))
    await first
    expect(error.value?.message).toBe('busy')
    expect(isLoading.value).toBe(false)
    expect(items.value).toEqual(['a'])
  })
})

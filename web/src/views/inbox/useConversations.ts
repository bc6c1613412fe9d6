import { computed, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import type { Conversation, ConversationPage, Sms, SmsPage } from '@/api/types'
import { onLiveEvent, onReconnect } from '@/live/vue'
import { useFeed } from '../useFeed'
import { apiQuery, isSearching, matches, peerOf, type InboxFilters } from './inboxQuery'

const PAGE = 50

/** One line of the left pane: a conversation by its newest message, or a message that was found. */
export interface Entry {
  id: string
  deviceId: string
  deviceName: string | null
  peer: string
  message: Sms
  isFound: boolean
}

const conversationId = (deviceId: string, peer: string) => JSON.stringify([deviceId, peer])

const ofConversation = ({ deviceId, deviceName, peer, lastMessage }: Conversation): Entry => ({
  id: conversationId(deviceId, peer), deviceId, deviceName, peer, message: lastMessage, isFound: false,
})
const ofMessage = (message: Sms): Entry => ({
  id: message.id, deviceId: message.deviceId, deviceName: null, peer: peerOf(message), message, isFound: true,
})

/** The left pane: conversations, or with a search what it found; both by cursor and live. */
export function useConversations(asked: Ref<InboxFilters>) {
  const isFound = computed(() => isSearching(asked.value))

  async function fetchPage(cursor: string | null, signal: AbortSignal) {
    const query = { ...apiQuery(asked.value), limit: PAGE, cursor }
    if (isFound.value) {
      const page = await api.get<SmsPage>('/api/sms', query, signal)
      return { items: page.messages.map(ofMessage), nextCursor: page.nextCursor, total: page.total }
    }
    const page = await api.get<ConversationPage>('/api/sms/conversations', query, signal)
    return { items: page.conversations.map(ofConversation), nextCursor: page.nextCursor }
  }
  const feed = useFeed<Entry>({ fetchPage, idOf: (entry) => entry.id })

  function arrive(message: Sms): void {
    if (!feed.isLoaded.value || !matches(message, asked.value)) return
    if (isFound.value) return feed.put(ofMessage(message))
    const id = conversationId(message.deviceId, peerOf(message))
    feed.remove(id)
    feed.put({ ...ofMessage(message), id, isFound: false })
  }

  onLiveEvent((event) => {
    if (event.event === 'sms-received') arrive(event.data as Sms)
  })
  onReconnect(feed.reload)
  watch(
    asked,
    (now, before) => {
      // Conversations and messages are different lists; within one, the old answer stays until the new one is there.
      if (before && isSearching(now) !== isSearching(before)) feed.clear()
      void feed.reload()
    },
    { immediate: true },
  )
  return { ...feed, isFound }
}

import type { Key } from '@/i18n/t'

/** What is put into a make's own form: all text, for people to copy. */
export interface Given {
  /** This server as the reader reaches it, such as `https://goip.example`. */
  url: string
  /** Its name alone, for what speaks no HTTP. */
  host: string
  /** Where this make posts to, with the key in it, and the name where there is one; empty for one that does not post. */
  address: string
  /** The same for a device called `tryId`. */
  tryAddress: string
  /** What the reader calls the gateway; may be empty where it has a name of its own. */
  name: string
  /** The port of a make that speaks no HTTP; empty where nobody listens. */
  port: string
  key: string
  /** A name, or a number, that no device has, to try the way with. */
  tryId: string
}

/** A value to type; `label` is the make's own word for the field, and so in its own language. */
export interface Field {
  label: string
  value: string
  isBlock?: boolean
}

/** One thing to do. In its text `*words*` stand in the make's own menus, and `code` is to be typed. */
export interface Step {
  text: Key
  fields?: (given: Given) => Field[]
}

export type Group = 'any' | 'box' | 'phone' | 'software'

/** How to set one kind of gateway up. */
export interface Guide {
  /** As the server and the page's address call it. */
  name: string
  group: Group
  about: Key
  /** More words by which somebody may look for it. */
  words?: string
  /** How sure we are of its format and of the words in its menus. */
  confidence: 'high' | 'medium' | 'low'
  /** It is goip that calls it, so it shows no key. */
  needsNoKey?: boolean
  /** It posts to HTTPS addresses only. */
  needsHttps?: boolean
  /** It posts from the internet, not from a device in the own network. */
  comesFromInternet?: boolean
  /** Whether the reader gives it a name, because its pushes do not say who it is, or may; else its own id is taken. */
  naming?: 'needed' | 'possible'
  /** What the name is for, where that is not plain. */
  namingText?: Key
  /** Its devices are known by their phone numbers. */
  isKnownByNumber?: boolean
  /** It says nothing until it receives a message. */
  speaksBySms?: boolean
  steps: Step[]
  /** A command that does what the gateway will do; empty where that could not work. */
  tryIt?: (given: Given) => string
}

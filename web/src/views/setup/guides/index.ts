import makes from '@/i18n/en/makes.json'
import { addTexts } from '@/i18n/t'
import { BOXES } from './boxes'
import type { Guide } from './guide'
import { MQTT } from './mqtt'
import { PHONES } from './phones'
import { OWN, SOFTWARE } from './software'

addTexts('makes', makes)

/** Every make that the page can describe, in the order in which they are shown. */
export const GUIDES: readonly Guide[] = [OWN, MQTT, ...BOXES, ...PHONES, ...SOFTWARE]

/** For a make that the server knows and the page does not. */
export function genericGuide(name: string): Guide {
  return {
    name,
    group: 'software',
    about: 'makes.generic.about',
    confidence: 'high',
    naming: 'possible',
    steps: [{ text: 'makes.generic.1', fields: ({ address }) => [{ label: 'URL', value: address }] }, { text: 'makes.generic.2' }],
  }
}

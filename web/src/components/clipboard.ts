/** Selects a copy of the text outside the view and asks the browser to copy the selection. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea')
  const focused = document.activeElement
  area.value = text
  area.readOnly = true
  area.className = 'fixed -top-96 start-0 opacity-0'
  // Inside an open dialog the focus trap would take the focus back before the copy: stay within it.
  const host = focused?.closest('[role="dialog"]') ?? document.body
  host.append(area)
  area.select()
  area.setSelectionRange(0, text.length)
  try {
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    area.remove()
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  }
}

/**
 * Puts `text` on the clipboard and says whether it worked. The clipboard interface exists only on HTTPS and
 * localhost; most gateways' dashboards are opened as http://192.168.…, hence the second way.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (window.isSecureContext && navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Refused (no permission, not focused): the second way may still be allowed.
  }
  return copyBySelection(text)
}

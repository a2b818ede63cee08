// Numbers of the stateful rules that this reactor leads.
import type { Windows } from '../reactor/windows/windows.ts'
import { by, type Source } from './registry.ts'

export function windowsSource(windows: Pick<Windows, 'stats'>): Source {
  return () => {
    const { led, keys, dropped, folded, lag } = windows.stats()
    return {
      reactor_windows_led: led,
      reactor_window_keys: by('rule', keys, count => count),
      reactor_window_keys_dropped: by('rule', dropped, count => count),
      reactor_window_events_folded_total: folded,
      reactor_window_pending_events: lag,
    }
  }
}

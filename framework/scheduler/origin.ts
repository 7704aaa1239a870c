// Before a term turns to Mesos: is this where our framework id is at home (S5, S16)? Carries out what was decided, once.
import type { TermOptions } from './settings.ts'

/** Returns why the term must not begin, if so. Throws LeaseLost. */
export async function settleOrigin(
  options: Pick<TermOptions, 'store' | 'settings' | 'confirmation' | 'log'>,
): Promise<string | undefined> {
  const { store, settings, confirmation, log } = options
  const { name } = settings.framework
  const { said } = confirmation
  const { decision, present, problem, why } = await store.checkOrigin({
    name,
    cluster: settings.cluster,
    said,
  })
  if (decision === 'refuse') return problem ?? 'the store belongs to another Mesos cluster or database'
  if (decision === 'remember') await store.adoptOrigin({ name, origin: present })
  if (decision === 'forget') {
    const forsaken = await store.forsakeFramework({ name, why: why ?? 'its framework id was given up' })
    log.warn({ forsaken }, 'moved to another Mesos cluster: the framework id is forgotten')
  }
  // A process that leads again much later must not take this for granted.
  confirmation.used()
  return undefined
}

// The id of an attempt at Mesos. Made here, stored, never parsed. Pure.

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/**
 * `<slug of the name>-<task id>-<attempt>-<4 random>`: valid for Mesos (S46), at most 40 + 16 + 10 + 7 characters, and not
 * used twice even where a restored database counts the same ids again. `random` gives numbers in [0, 1).
 */
export function mesosTaskId(
  task: { readonly name: string; readonly taskId: number; readonly attempt: number },
  random: () => number,
): string {
  let suffix = ''
  for (let i = 0; i < 4; i++) suffix += alphabet[Math.floor(random() * alphabet.length)]
  return `${slug(task.name)}-${task.taskId}-${task.attempt}-${suffix}`
}

function slug(name: string): string {
  const letters = name
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9_.]+/g, '-')
    .replaceAll(/^[-.]+/g, '')
    .slice(0, 40)
    .replaceAll(/[-.]+$/g, '')
  return letters === '' ? 'task' : letters
}

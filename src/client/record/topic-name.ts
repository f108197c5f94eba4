const legal = /^[a-zA-Z0-9._-]{1,249}$/

/** Why this cannot be a topic's name; undefined where it can. Source: Topic.validate of Kafka. */
export function topicNameProblem(topic: unknown): string | undefined {
  if (typeof topic !== 'string') return `a topic must be a string, not ${topic === null ? 'null' : typeof topic}`
  if (topic === '') return 'a topic must not be empty'
  if (topic === '.' || topic === '..') return `"${topic}" cannot be a topic`
  if (topic.length > 249) return `a topic has at most 249 characters, this one has ${topic.length}`
  if (!legal.test(topic)) return `topic ${JSON.stringify(topic)} may only hold letters, digits, ".", "_" and "-"`
  return undefined
}

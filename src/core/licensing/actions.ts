/** What a license may allow to be done with a model. */
export const ACTIONS = ['infer', 'fine-tune', 'distill', 'redistribute', 'host'] as const;

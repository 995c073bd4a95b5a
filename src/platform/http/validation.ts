/** Zod at the edges: `@Body({ schema })`, `@Query({ schema })`, `@Param({ schema })` refuse with the member's name. */
import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { zodProblem } from '../../core/statement/zod-problem.ts';

export const validation = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => zodProblem({ issues: issues as readonly z.core.$ZodIssue[] }, 'invalid_input'),
  });

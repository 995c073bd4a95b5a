/** All routes of the controllers with what each requires: for the test that walks them, and for `doctor`. */
import type { INestApplicationContext } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { REQUIREMENT } from './requires.ts';
import type { Requirement } from './scopes.ts';

export interface RouteAccess {
  /** e.g. `ModelsController.register` */
  handler: string;
  paths: string[];
  requirement: Requirement | undefined;
}

export function listRoutes(app: INestApplicationContext): RouteAccess[] {
  const scanner = new MetadataScanner();
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => {
    if (typeof metatype !== 'function') return [];
    const prototype = metatype.prototype as Record<string, object>;
    const base = pathsOf(metatype);
    return scanner.getAllMethodNames(prototype).flatMap((method): RouteAccess[] => {
      const handler = prototype[method];
      if (!handler || !Reflect.hasMetadata('path', handler)) return [];
      const own = pathsOf(handler);
      const requirement: unknown =
        Reflect.getMetadata(REQUIREMENT, handler) ?? Reflect.getMetadata(REQUIREMENT, metatype);
      return [
        {
          handler: `${metatype.name}.${method}`,
          paths: base.flatMap((head) => own.map((tail) => join(head, tail))),
          requirement: requirement as Requirement | undefined,
        },
      ];
    });
  });
}

const join = (head: string, tail: string) => `/${head}/${tail}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');

function pathsOf(target: object): string[] {
  const path = Reflect.getMetadata('path', target) as string | string[] | undefined;
  return path === undefined ? [''] : Array.isArray(path) ? path : [path];
}

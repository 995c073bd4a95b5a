/** All routes of the controllers with what each requires: for the test that walks them, and for `doctor`. */
import type { INestApplicationContext, Type } from '@nestjs/common';
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
    const { name, prototype } = metatype as Type<Record<string, object>>;
    const base = pathsOf(metatype);
    return scanner
      .getAllMethodNames(prototype)
      .filter((method) => Reflect.hasMetadata('path', prototype[method] as object))
      .map((method) => {
        const handler = prototype[method] as object;
        const own = pathsOf(handler);
        return {
          handler: `${name}.${method}`,
          paths: base.flatMap((head) =>
            own.map((tail) => `/${head}/${tail}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')),
          ),
          requirement: (Reflect.getMetadata(REQUIREMENT, handler) ?? Reflect.getMetadata(REQUIREMENT, metatype)) as
            Requirement | undefined,
        };
      });
  });
}

function pathsOf(target: object): string[] {
  const path = Reflect.getMetadata('path', target) as string | string[] | undefined;
  return path === undefined ? [''] : Array.isArray(path) ? path : [path];
}

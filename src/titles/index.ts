export { TitleModule } from './title.module.ts';
export { TitleService } from './title.service.ts';
